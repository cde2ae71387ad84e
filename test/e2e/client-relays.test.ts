/** The client among several relays, at one without a gateway, and where relays and connections fail. */

import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { NostrEvent } from 'nostr-tools/core'
import { verifyEvent } from 'nostr-tools/pure'
import { KeyPackageClient } from '../../adapters/client/client.ts'
import { createKeyPackageEvent } from '../../adapters/client/events.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { BrokenWay } from '../support/broken-way.ts'
import { ClientScene, type Someone } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { signEvent } from '../support/key-packages.ts'
import { startRelay, type TestRelay } from '../support/relay.ts'

jest.setTimeout(30_000)

const scene = new ClientScene(memoryStore)
const DAY = 86_400

describe('several relays', () => {
  it('each package goes to one of them, by turns, so that no two hand out the same (I1)', async () => {
    const [here, there] = [await scene.serve(), await scene.serve()]
    const alice = scene.connect('alice', here, { relays: [here.url, there.url] })
    await alice.publish(6)
    expect(await alice.client.countKeyPackages()).toEqual([
      { relay: `${here.url}/`, count: 3 },
      { relay: `${there.url}/`, count: 3 },
    ])
    const bob = await claimed(scene.connect('bob', here), alice)
    const carol = await claimed(scene.connect('carol', there), alice)
    expect(bob).not.toEqual(carol)
  })

  it('the second is asked for those alone of whom the first has nothing, so that nothing is used up in vain', async () => {
    const [here, there] = [await scene.serve(), await scene.serve()]
    const [alice, bob] = [scene.connect('alice', here), scene.connect('bob', there)]
    await alice.publish(2)
    await alice.publish(2, { relays: [there.url] })
    await bob.publish(2)
    const carol = scene.connect('carol', here, { relays: [here.url, there.url] })
    const { packages } = await carol.client.queryKeyPackages([alice.pubkey, bob.pubkey])
    expect([...packages.keys()]).toEqual([alice.pubkey, bob.pubkey])

    const owner = scene.connect('alice', here, { relays: [here.url, there.url] })
    expect(await owner.client.countKeyPackages()).toMatchObject([{ count: 1 }, { count: 2 }])
  })

  it('where one cannot be reached, another takes the package in and hands it out', async () => {
    const [gone, here] = [await scene.serve(), await scene.serve()]
    await gone.stop()
    const alice = scene.connect('alice', here, { relays: [gone.url, here.url] })
    await alice.publish(2)
    const bob = scene.connect('bob', here, { relays: [gone.url, here.url] })
    const { packages, unanswered } = await bob.client.queryKeyPackages([alice.pubkey])
    expect([...packages.keys()]).toEqual([alice.pubkey])
    expect(unanswered).toEqual([])
  })

  it('a package that one refuses is offered to the next', async () => {
    const [full, here] = [await scene.serve({ stock: { max: 1 } }), await scene.serve()]
    const alice = scene.connect('alice', full, { relays: [full.url, here.url] })
    await alice.publish(4)
    expect(await alice.client.countKeyPackages()).toMatchObject([{ count: 1 }, { count: 3 }])
  })

  it('a slot goes to every relay, takes the place of the older one there, and each claim brings it (30443)', async () => {
    const marmot = { profile: 'marmot' } as const
    const [here, there] = [await scene.serve(marmot), await scene.serve(marmot)]
    const alice = scene.connect('alice', here, { relays: [here.url, there.url] })
    const publish = async () => {
      const [made] = await alice.generate(1)
      if (made === undefined) throw new Error('nothing was made')
      const slot = { keyPackage: made.publicPackage, slot: 'phone' }
      const [published] = await alice.client.publishKeyPackages([slot])
      expect(published?.acceptedBy).toHaveLength(2)
      return published?.ref
    }
    await publish()
    scene.advance(60)
    const ref = await publish()
    const [single] = await alice.publish(1)

    const bob = scene.connect('bob', there, { kinds: [443, 30443] })
    for (const _turn of [1, 2]) expect(await claimed(bob, alice)).toEqual([ref])
    expect(await claimed(scene.connect('carol', here), alice)).toEqual([single])
  })
})

describe('deleting, and saying where packages are', () => {
  it('a deleted package is at no relay any more, and does not come back (I3)', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    const [first, second] = await alice.publish(2)
    const kept = alice.own.get(first ?? '')
    if (kept === undefined) throw new Error('nothing was kept')
    await alice.client.deleteKeyPackages([kept.event])
    expect(await alice.client.countKeyPackages()).toMatchObject([{ count: 1 }])
    const [again] = await alice.client.publishKeyPackages([kept.publicPackage])
    expect(again?.acceptedBy).toMatchObject([{ message: 'duplicate: this key package was already used' }])
    expect(await claimed(scene.connect('bob', server), alice)).toEqual([second])
  })

  it('without a signer a client asks, and nothing else', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const nobody = scene.connect('nobody', server, { signer: undefined })
    expect(await claimed(nobody, alice)).toHaveLength(1)
    await expect(nobody.client.deleteKeyPackages([])).rejects.toThrow(
      'a client without a signer can only ask',
    )
    expect(() => nobody.client.onLowStock(() => {})).toThrow('a client without a signer can only ask')
  })

  it('refuses an address that is none, no address at all, and an author who is no pubkey', async () => {
    const server = await scene.serve()
    expect(() => scene.connect('alice', server, { relays: ['ws://'] })).toThrow('Invalid URL')
    expect(() => scene.connect('alice', server, { relays: [] })).toThrow('name at least one relay')
    await expect(scene.connect('alice', server).client.queryKeyPackages(['npub1'])).rejects.toThrow(
      'a pubkey has 64 lower-case hex characters: "npub1"',
    )
  })
})

describe('what is delivered', () => {
  it.each([undefined, 'hex', 'base64'] as const)(
    'is the event as its author signed it, whatever the gateway re-encodes (encoding %s, I8)',
    async (encoding) => {
      const server = await scene.serve()
      const alice = scene.connect('alice', server)
      await alice.publish(2)
      const bob = scene.connect('bob', server, { ...(encoding && { encoding }) })
      const { packages } = await bob.client.queryKeyPackages([alice.pubkey])
      const [received] = packages.get(alice.pubkey) ?? []
      const own = alice.own.get(received?.ref ?? '')
      expect(plain(received?.event)).toEqual(plain(own?.event))
      expect(verifyEvent(plain(received?.event))).toBe(true)
      expect(received?.keyPackage).toEqual(own?.publicPackage)
    },
  )
})

describe('a relay without a gateway', () => {
  let relay: TestRelay
  beforeEach(async () => {
    relay = await startRelay()
    scene.finally(() => relay.stop())
  })

  it('shows everybody all it has: the client takes one at random, and none it had before', async () => {
    const alice = scene.connect('alice', relay)
    const published = await alice.publish(5)
    const bob = scene.connect('bob', relay)
    const taken: string[] = []
    for (let turn = 0; turn < 5; turn++) taken.push(...(await claimed(bob, alice)))
    expect(new Set(taken)).toEqual(new Set(published))
    expect(taken).not.toEqual(published)
    expect(await claimed(bob, alice)).toHaveLength(1)
  })

  it('takes `#f` for a tag, and finds nothing', async () => {
    const alice = scene.connect('alice', relay)
    await alice.publish(1)
    const bob = scene.connect('bob', relay, { encoding: 'base64' })
    expect((await bob.client.queryKeyPackages([alice.pubkey])).missing).toEqual([alice.pubkey])
  })

  it('may have what is of no use: it is rejected, and its author is missing', async () => {
    const alice = scene.connect('alice', relay)
    const [mallory] = await scene.connect('mallory', relay).generate(1)
    const [own] = await alice.generate(1)
    if (mallory === undefined || own === undefined) throw new Error('nothing was made')
    const createdAt = Math.floor(scene.time.now() / 1000)
    const sign = (
      keyPackage: typeof own.publicPackage,
      tags: string[][] = [],
      content?: string,
    ): SignedEvent => {
      const template = createKeyPackageEvent({ keyPackage, relays: [relay.url], createdAt, tags })
      return signEvent(alice.person.secretKey, { ...template, ...(content !== undefined && { content }) })
    }
    relay.keep(sign(mallory.publicPackage))
    relay.keep(sign(own.publicPackage, [['expiration', String(createdAt + DAY)]]))
    relay.keep(sign(own.publicPackage, [], 'AAEC'))
    relay.keep({ ...sign(own.publicPackage, [['client', 'x']]), sig: '0'.repeat(128) })
    scene.advance(DAY)

    const { missing, rejected } = await scene.connect('bob', relay).client.queryKeyPackages([alice.pubkey])
    expect(missing).toEqual([alice.pubkey])
    expect(rejected.map(({ reason }) => reason).sort()).toEqual([
      'the credential is not the author’s',
      'the key package has expired',
      'the signature is not the author’s',
      'this is not an MLS KeyPackage',
    ])
  })

  it('knows where somebody’s packages are: by kind 10051, else by kind 10002', async () => {
    const { client, pubkey, person } = scene.connect('alice', relay)
    const bob = scene.connect('bob', relay).client
    expect(await bob.discover(pubkey)).toEqual({ by: 'unknown', relays: [], unanswered: [] })

    const tags = [
      ['r', 'wss://both.example'],
      ['r', 'wss://read.example', 'read'],
      ['r', 'wss://write.example', 'write'],
    ]
    relay.keep(signEvent(person.secretKey, { kind: 10002, created_at: 1, tags, content: '' }))
    const written = ['wss://both.example', 'wss://write.example']
    expect(await bob.discover(pubkey)).toEqual({ by: 'write relays', relays: written, unanswered: [] })

    await client.publishRelayList(['wss://older.example'])
    scene.advance(1)
    const gateway = await scene.serve()
    await client.publishRelayList(['wss://newer.example'], { relays: [gateway.url] })
    expect(await bob.discover(pubkey, { relays: [relay.url, gateway.url, 'ws://127.0.0.1:1'] })).toEqual({
      by: 'key package relay list',
      relays: ['wss://newer.example'],
      unanswered: ['ws://127.0.0.1:1/'],
    })
  })
})

describe('authentication', () => {
  it('a relay that wants to know who asks is told; without a signer it answers nobody', async () => {
    const server = await scene.serve({ requester: 'auth' })
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    expect(await claimed(scene.connect('bob', server), alice)).toHaveLength(1)
    const nobody = scene.connect('nobody', server, { signer: undefined })
    const { unanswered } = await nobody.client.queryKeyPackages([alice.pubkey])
    expect(unanswered).toEqual([
      { author: alice.pubkey, reason: 'auth-required: authenticate to query key packages' },
    ])
  })

  it('a signer that fails leaves the client unknown, and able to ask', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    const bob = scene.connect('bob', server, {
      signer: {
        getPublicKey: async () => alice.pubkey,
        signEvent: () => Promise.reject(new Error('the user said no')),
      },
    })
    expect(await claimed(bob, alice)).toHaveLength(1)
    warn.mockRestore()
  })
})

describe('limits', () => {
  it('who is limited is not asked for again before the relay said so, whether it is still there or not (I5)', async () => {
    const server = await scene.serve({ quota: { perAuthor: { max: 1 } } })
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const { client } = scene.connect('bob', server)
    const limited = async () => (await client.queryKeyPackages([alice.pubkey])).rateLimited
    expect(await limited()).toEqual([])
    expect(await limited()).toEqual([{ author: alice.pubkey, retryAfterSeconds: 3600 }])
    await server.stop()
    scene.advance(600)
    expect(await limited()).toEqual([{ author: alice.pubkey, retryAfterSeconds: 3000 }])
  })

  it('waits as long as the relay says, where it is asked to be that patient', async () => {
    const server = await scene.serve({ quota: { perAuthor: { max: 1, windowSeconds: 60 } } })
    const alice = scene.connect('alice', server)
    await alice.publish(3)
    const { client } = scene.connect('bob', server)
    await client.queryKeyPackages([alice.pubkey])
    const impatient = await client.queryWithRetry([alice.pubkey], { longestWaitSeconds: 59 })
    expect(impatient.rateLimited).toHaveLength(1)
    const answering = client.queryWithRetry([alice.pubkey], { longestWaitSeconds: 60 })
    await eventually('the client waits', () => scene.time.pending.includes(60_000))
    scene.advance(60)
    expect((await answering).packages.size).toBe(1)
  })

  it('more authors than a relay allows in one query are asked for in parts', async () => {
    const server = await scene.serve({ claim: { maxAuthors: 2 } })
    const people = ['one', 'two', 'three', 'four', 'five'].map((name) => scene.connect(name, server))
    for (const someone of people) await someone.publish(1)
    const { packages } = await scene
      .connect('bob', server)
      .client.queryKeyPackages(people.map(({ pubkey }) => pubkey))
    expect(packages.size).toBe(5)
  })
})

describe('connections that fail', () => {
  it('nobody listens: it is tried so often, with pauses, and said', async () => {
    const { client, pubkey } = scene.connect('bob', { url: 'ws://127.0.0.1:1' }, { attempts: 2 })
    const answering = client.queryKeyPackages([pubkey])
    await eventually('the client waits', () => scene.time.pending.includes(750))
    scene.advance(0.75)
    expect((await answering).unanswered).toEqual([{ author: pubkey, reason: 'connection failed' }])
  })

  it('a handshake that is never answered ends nothing but the wait', async () => {
    const way = await BrokenWay.open()
    scene.finally(() => way.close())
    const impatient = { attempts: 1, patienceSeconds: 0.05 }
    const { client, pubkey } = scene.connect('bob', way, impatient)
    expect((await client.queryKeyPackages([pubkey])).unanswered).toHaveLength(1)
  })

  // Node.js 20 has none. That of 22 fails for ever where it is closed in the midst of its failure to connect.
  const isMissing = globalThis.WebSocket === undefined
  it(`the WebSocket of the platform ${isMissing ? 'is missed' : 'fails as any other does'}`, async () => {
    const connect = () => new KeyPackageClient({ relays: ['ws://127.0.0.1:1'], attempts: 1 })
    if (isMissing) {
      expect(connect).toThrow('this platform has no WebSocket')
      return
    }
    const author = 'a'.repeat(64)
    const { unanswered } = await connect().queryKeyPackages([author])
    expect(unanswered).toEqual([{ author, reason: 'connection failed' }])
  })

  it('a relay that falls silent is asked again, and what it then has is delivered', async () => {
    const { server, way } = await reachable()
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const bob = scene.connect('bob', way)
    await bob.client.countKeyPackages()
    way.silence()
    const answering = bob.client.queryKeyPackages([alice.pubkey])
    await eventually('the client waits for an answer', () => scene.time.pending.length > 0)
    scene.advance(10)
    await eventually('the client waits before it asks again', () => scene.time.pending.includes(750))
    way.cut()
    await eventually('the connection is known to be lost', async () => {
      const [stock] = await bob.client.countKeyPackages()
      return stock !== undefined && 'count' in stock
    })
    scene.advance(0.75)
    expect((await answering).packages.size).toBe(1)
  })

  it('one who listens for low stock connects again, and hears it', async () => {
    const { server, way } = await reachable()
    const alice = scene.connect('alice', way)
    await scene.connect('alice', server).publish(3)
    const asked: string[] = []
    const stop = alice.client.onLowStock(({ relay }) => void asked.push(relay))
    await alice.client.countKeyPackages()
    way.cut()
    await eventually('she waits before she connects again', () => scene.time.pending.includes(750))
    await scene.connect('bob', server).client.queryKeyPackages([alice.pubkey])
    expect(asked).toEqual([])
    scene.advance(0.75)
    await eventually('she is asked on connecting', () => asked.length === 1)
    expect(asked).toEqual([`${way.url}/`])

    stop()
    way.cut()
    await alice.client.countKeyPackages()
    expect(asked).toHaveLength(1)
  })

  /** A server whose clients come by a way that can break; it knows itself by the address of that. */
  async function reachable() {
    const way = await BrokenWay.open()
    scene.finally(() => way.close())
    const server = await scene.serve({ publicUrl: way.url })
    way.leadTo(server.url)
    return { server, way }
  }
})

/** KeyPackageRefs of what a client gets for an author. */
async function claimed(by: Someone, author: Someone): Promise<string[]> {
  const { packages, ...rest } = await by.client.queryKeyPackages([author.pubkey])
  if (!packages.has(author.pubkey)) throw new Error(`nothing: ${JSON.stringify(rest)}`)
  return (packages.get(author.pubkey) ?? []).map(({ ref }) => ref)
}

/** Without what nostr-tools notes down in an event. */
function plain(event: NostrEvent | undefined): NostrEvent {
  return JSON.parse(JSON.stringify(event ?? null)) as NostrEvent
}
