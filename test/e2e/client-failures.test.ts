/** The client where relays want to know who it is, limit it, or fail, and where connections do. */

import { describe, expect, it, jest } from '@jest/globals'
import { PlainKeySigner } from 'nostr-tools/signer'
import { KeyPackageClient } from '../../adapters/client/client.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { BrokenWay } from '../support/broken-way.ts'
import { ClientScene } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { person } from '../support/people.ts'

const scene = new ClientScene(memoryStore)

describe('authentication', () => {
  it('a relay that wants to know who asks is told; without a signer it answers nobody', async () => {
    const server = await scene.serve({ requester: 'auth' })
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    expect(await scene.connect('bob', server).claim(alice)).toHaveLength(1)
    const nobody = scene.connect('nobody', server, { signer: undefined })
    const { unanswered } = await nobody.client.queryKeyPackages([alice.pubkey])
    expect(unanswered).toEqual([
      { author: alice.pubkey, reason: 'auth-required: authenticate to query key packages' },
    ])
  })

  it('a signer that would not say who it is is asked again the next time', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const { secretKey } = person('bob')
    let isWilling = false
    const signer = new PlainKeySigner(secretKey)
    const bob = scene.connect('bob', server, {
      attempts: 1,
      signer: {
        getPublicKey: async () => {
          if (!isWilling) throw new Error('the user said no')
          return signer.getPublicKey()
        },
        signEvent: (template) => signer.signEvent(template),
      },
    })
    const { unanswered } = await bob.client.queryKeyPackages([alice.pubkey])
    expect(unanswered).toEqual([{ author: alice.pubkey, reason: 'the user said no' }])
    isWilling = true
    expect(await bob.claim(alice)).toHaveLength(1)
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
    expect(await bob.claim(alice)).toHaveLength(1)
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

  it('a client that was closed connects to nobody any more', async () => {
    const server = await scene.serve()
    const { client, pubkey } = scene.connect('bob', server, { attempts: 1 })
    client.close()
    const { unanswered } = await client.queryKeyPackages([pubkey])
    expect(unanswered).toEqual([{ author: pubkey, reason: 'this client is closed' }])
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
