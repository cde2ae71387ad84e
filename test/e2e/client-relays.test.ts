/** The client with several relays, and with one without a gateway: who gets which package, and whether it is valid. */

import { beforeEach, describe, expect, it } from '@jest/globals'
import type { NostrEvent } from 'nostr-tools/core'
import { verifyEvent } from 'nostr-tools/pure'
import { createKeyPackageEvent, createSlotId, getKeyPackage } from '../../adapters/client/events.ts'
import { generateKeyPackage } from '../../adapters/client/generate.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { byOutcome, ClientScene } from '../support/client-scene.ts'
import { signEvent } from '../support/key-packages.ts'
import { startRelay, type TestRelay } from '../support/relay.ts'

const scene = new ClientScene(memoryStore)
const HOUR = 3600
const DAY = 24 * HOUR

describe('several relays', () => {
  it('each package is published to one of them, in turn, so that no two hand out the same (I1)', async () => {
    const [here, there] = [await scene.serve(), await scene.serve()]
    const alice = scene.connect('alice', here, { relays: [here.url, there.url] })
    await alice.publish(6)
    expect(await alice.client.countKeyPackages()).toEqual([
      { relay: `${here.url}/`, outcome: 'counted', count: 3 },
      { relay: `${there.url}/`, outcome: 'counted', count: 3 },
    ])
    const bob = await scene.connect('bob', here).claim(alice)
    const carol = await scene.connect('carol', there).claim(alice)
    expect(bob).not.toEqual(carol)
  })

  it('the second is asked only for authors of whom the first has no package, so that none is spent in vain', async () => {
    const [here, there] = [await scene.serve(), await scene.serve()]
    const [alice, bob] = [scene.connect('alice', here), scene.connect('bob', there)]
    await alice.publish(2)
    await alice.publish(2, { relays: [there.url] })
    await bob.publish(2)
    const carol = scene.connect('carol', here, { relays: [here.url, there.url] })
    const { packages } = byOutcome(await carol.client.queryKeyPackages([alice.pubkey, bob.pubkey]))
    expect([...packages.keys()]).toEqual([alice.pubkey, bob.pubkey])

    const owner = scene.connect('alice', here, { relays: [here.url, there.url] })
    expect(await owner.client.countKeyPackages()).toMatchObject([{ count: 1 }, { count: 2 }])
  })

  it('if one cannot be reached, another accepts the package and hands it out', async () => {
    const [gone, here] = [await scene.serve(), await scene.serve()]
    await gone.stop()
    const alice = scene.connect('alice', here, { relays: [gone.url, here.url] })
    await alice.publish(2)
    const bob = scene.connect('bob', here, { relays: [gone.url, here.url] })
    const { packages, unanswered } = byOutcome(await bob.client.queryKeyPackages([alice.pubkey]))
    expect([...packages.keys()]).toEqual([alice.pubkey])
    expect(unanswered).toEqual([])
  })

  it('a package that one refuses is published to the next', async () => {
    const [full, here] = [await scene.serve({ stock: { max: 1 } }), await scene.serve()]
    const alice = scene.connect('alice', full, { relays: [full.url, here.url] })
    await alice.publish(4)
    expect(await alice.client.countKeyPackages()).toMatchObject([{ count: 1 }, { count: 3 }])
  })

  it('a slot is published to all of them, replaces the older one, and every claim gets it (30443)', async () => {
    const [here, there] = [await scene.serve(), await scene.serve()]
    const alice = scene.connect('alice', here, { relays: [here.url, there.url] })
    const slot = createSlotId()
    const older = await alice.publishSlot(slot)
    scene.advance(60)
    const ref = await alice.publishSlot(slot)
    expect(ref).not.toBe(older)
    expect(await alice.client.countKeyPackages()).toMatchObject([{ count: 1 }, { count: 1 }])
    const [single] = await alice.publish(1)

    // In one request a gateway hands out slots; asked for alone, the one-time package comes first.
    const bob = scene.connect('bob', there, { ask: 'both', relays: [here.url] })
    for (const _turn of [1, 2]) expect(await bob.claim(alice)).toEqual([ref])
    expect(await scene.connect('carol', here).claim(alice)).toEqual([single])
    expect(await scene.connect('dave', there).claim(alice)).toEqual([ref])
    for (const ask of ['one-time', 'slots'] as const) {
      const erin = scene.connect('erin', here, { ask })
      expect(await erin.claim(alice)).toEqual([ask === 'slots' ? ref : single])
    }
  })

  it('slots are not asked for at a relay that has just failed, and are found at the next one', async () => {
    const [gone, here] = [await scene.serve(), await scene.serve()]
    const alice = scene.connect('alice', here)
    const ref = await alice.publishSlot(createSlotId())
    await gone.stop()
    const bob = scene.connect('bob', here, { relays: [gone.url, here.url] })
    expect(await bob.claim(alice)).toEqual([ref])
    // Nobody had to wait for another attempt.
    expect(scene.time.pending).not.toContain(750)
  })
})

describe('a delivered event', () => {
  it.each([undefined, 'hex', 'base64'] as const)(
    'is restored to what its author signed, also when the gateway re-encoded it (encoding %s, I8)',
    async (encoding) => {
      const server = await scene.serve()
      const alice = scene.connect('alice', server)
      await alice.publish(2)
      const bob = scene.connect('bob', server, { ...(encoding && { encoding }) })
      const { packages } = byOutcome(await bob.client.queryKeyPackages([alice.pubkey]))
      const [received] = packages.get(alice.pubkey) ?? []
      const own = alice.own.get(received?.ref ?? '')
      expect(plain(received?.event)).toEqual(plain(own?.event))
      expect(verifyEvent(plain(received?.event))).toBe(true)
      expect(received && getKeyPackage(received.event)).toEqual(own?.publicPackage)
    },
  )
})

describe('a relay without a gateway', () => {
  let relay: TestRelay
  beforeEach(async () => {
    relay = await startRelay()
    scene.finally(() => relay.stop())
  })

  it('shows all packages to everybody: the client takes one at random, and avoids those it had before', async () => {
    const alice = scene.connect('alice', relay)
    const published = await alice.publish(5)
    const bob = scene.connect('bob', relay)
    const taken: string[] = []
    for (let turn = 0; turn < 5; turn++) taken.push(...(await bob.claim(alice)))
    expect(new Set(taken)).toEqual(new Set(published))
    expect(taken).not.toEqual(published)
    expect(await bob.claim(alice)).toHaveLength(1)
  })

  it('treats `#f` as a tag, and finds nothing', async () => {
    const alice = scene.connect('alice', relay)
    await alice.publish(1)
    const bob = scene.connect('bob', relay, { encoding: 'base64' })
    expect(byOutcome(await bob.client.queryKeyPackages([alice.pubkey])).missing).toEqual([alice.pubkey])
  })

  it('may have invalid packages: they are rejected, and their author is missing', async () => {
    const alice = scene.connect('alice', relay)
    const [mallory] = await scene.connect('mallory', relay).generate(1)
    const [own] = await alice.generate(1)
    if (mallory === undefined || own === undefined) throw new Error('no key package was generated')
    const createdAt = Math.floor(scene.time.now() / 1000)
    const early = await generateKeyPackage({ pubkey: alice.pubkey, now: createdAt + DAY + 2 * HOUR + 1 })
    const sign = async (
      keyPackage: typeof own.publicPackage,
      tags: string[][] = [],
      content?: string,
    ): Promise<SignedEvent> => {
      const template = await createKeyPackageEvent({ keyPackage, relays: [relay.url], createdAt, tags })
      return signEvent(alice.person.secretKey, { ...template, ...(content !== undefined && { content }) })
    }
    relay.keep(await sign(mallory.publicPackage))
    relay.keep(await sign(own.publicPackage, [['expiration', String(createdAt + DAY)]]))
    relay.keep(await sign(own.publicPackage, [['expiration', 'soon']]))
    relay.keep(await sign(own.publicPackage, [['exp', String(createdAt + DAY)]]))
    relay.keep(await sign(own.publicPackage, [['i', '0'.repeat(64)]]))
    relay.keep(await sign(own.publicPackage, [['ciphersuite', '0x0002']]))
    relay.keep(await sign(early.publicPackage))
    relay.keep(await sign(own.publicPackage, [], 'AAEC'))
    relay.keep({ ...(await sign(own.publicPackage, [['client', 'x']])), sig: '0'.repeat(128) })
    scene.advance(DAY)

    const { missing, rejected } = byOutcome(
      await scene.connect('bob', relay).client.queryKeyPackages([alice.pubkey]),
    )
    expect(missing).toEqual([alice.pubkey])
    expect(rejected.map(({ reason }) => reason).sort()).toEqual([
      'not an MLS KeyPackage',
      'the ciphersuite tag does not match the key package',
      'the credential is not that of the author',
      'the event signature is not valid',
      'the i tag does not match the KeyPackageRef',
      'the key package has expired',
      'the key package has expired',
      'the key package has expired',
      'the key package is not valid yet',
    ])
  })

  it('tells where to ask for an author’s packages, by kinds 10051 and 10002, and where to write, by kind 10050', async () => {
    const { client, pubkey, person } = scene.connect('alice', relay)
    const bob = scene.connect('bob', relay).client
    const nothing = { relays: [], keyPackageRelays: [], writeRelays: [], inboxRelays: [], unanswered: [] }
    expect(await bob.discover(pubkey)).toEqual({ outcome: 'missing', ...nothing })
    const gone = { relays: ['ws://127.0.0.1:1'] }
    const unanswered = ['ws://127.0.0.1:1/']
    expect(await bob.discover(pubkey, gone)).toEqual({ outcome: 'unanswered', ...nothing, unanswered })

    const tags = [
      ['r', 'wss://both.example'],
      ['r', 'wss://read.example', 'read'],
      ['r', 'wss://write.example', 'write'],
    ]
    relay.keep(signEvent(person.secretKey, { kind: 10002, created_at: 1, tags, content: '' }))
    const inbox = [['relay', 'wss://inbox.example']]
    relay.keep(signEvent(person.secretKey, { kind: 10050, created_at: 1, tags: inbox, content: '' }))
    const written = {
      writeRelays: ['wss://both.example/', 'wss://write.example/'],
      inboxRelays: ['wss://inbox.example/'],
    }
    expect(await bob.discover(pubkey)).toEqual({
      ...nothing,
      outcome: 'found',
      relays: written.writeRelays,
      ...written,
    })

    await client.publishRelayList(['wss://older.example'])
    scene.advance(1)
    const gateway = await scene.serve()
    await client.publishRelayList(['wss://newer.example'], { relays: [gateway.url] })
    expect(await bob.discover(pubkey, { relays: [relay.url, gateway.url, 'ws://127.0.0.1:1'] })).toEqual({
      outcome: 'found',
      relays: ['wss://newer.example/', ...written.writeRelays],
      keyPackageRelays: ['wss://newer.example/'],
      ...written,
      unanswered,
    })
  })
})

describe('a gateway that hands out two packages at a time', () => {
  it('gives both to the client, and to nobody else', async () => {
    const server = await scene.serve({ claim: { perAuthor: 2 } })
    const alice = scene.connect('alice', server)
    await alice.publish(4)
    const both = await scene.connect('bob', server).claim(alice)
    const others = await scene.connect('carol', server).claim(alice)
    expect(new Set([...both, ...others]).size).toBe(4)
  })
})

/** A copy without the symbol that nostr-tools adds to a verified event. */
function plain(event: NostrEvent | undefined): NostrEvent {
  return JSON.parse(JSON.stringify(event ?? null)) as NostrEvent
}
