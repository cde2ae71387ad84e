/** The client with relays that require authentication, limit it or fail, and with connections that break. */

import { describe, expect, it, jest } from '@jest/globals'
import { PlainKeySigner } from 'nostr-tools/signer'
import { KeyPackageClient } from '../../adapters/client/client.ts'
import { createKeyPackageEvent } from '../../adapters/client/events.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { BrokenWay } from '../support/broken-way.ts'
import { byOutcome, ClientScene } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { isForKeyPackages, ScriptedRelay } from '../support/scripted-relay.ts'

const scene = new ClientScene(memoryStore)

describe('authentication', () => {
  it('is done where a relay requires it; without a signer the relay refuses', async () => {
    const server = await scene.serve({ requester: 'auth' })
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    expect(await scene.connect('bob', server).claim(alice)).toHaveLength(1)
    const nobody = scene.connect('nobody', server, { signer: undefined })
    const { refused } = byOutcome(await nobody.client.queryKeyPackages([alice.pubkey]))
    expect(refused).toEqual([
      { author: alice.pubkey, reason: 'auth-required: authenticate to query key packages' },
    ])
  })

  it('is done when the challenge comes after the CLOSED that requires it, and the REQ is repeated', async () => {
    const author = scene.connect('alice', { url: 'ws://127.0.0.1:1' })
    const [made] = await author.generate(1)
    if (made === undefined) throw new Error('no key package was generated')
    const createdAt = Math.floor(scene.time.now() / 1000)
    const template = await createKeyPackageEvent({ keyPackage: made.publicPackage, createdAt })
    const event = signEvent(author.person.secretKey, template)
    let isAuthenticated = false
    const relay = await ScriptedRelay.open(([verb, id, filter], socket) => {
      if (verb === 'AUTH') {
        isAuthenticated = true
        return [['OK', Object(id).id, true, '']]
      }
      if (verb !== 'REQ' || !isForKeyPackages(filter)) return [['EOSE', id]]
      if (isAuthenticated)
        return [
          ['EVENT', id, event],
          ['EOSE', id],
        ]
      const closed = ['CLOSED', id, 'auth-required: authenticate to query key packages']
      socket.send(JSON.stringify(closed), () => socket.ping())
      // By now the client has the CLOSED.
      socket.once('pong', () => socket.send(JSON.stringify(['AUTH', 'challenge'])))
      return []
    })
    scene.finally(() => relay.close())
    expect(await scene.connect('bob', relay, { attempts: 1 }).claim(author)).toHaveLength(1)
    expect(relay.received.filter(([verb]) => verb === 'AUTH')).toHaveLength(1)
  })

  it('asks a signer that declined to give its pubkey again the next time', async () => {
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
    const { unanswered } = byOutcome(await bob.client.queryKeyPackages([alice.pubkey]))
    expect(unanswered).toEqual([{ author: alice.pubkey, reason: 'the user said no' }])
    isWilling = true
    expect(await bob.claim(alice)).toHaveLength(1)
  })

  it('that the signer fails to sign leaves the client unauthenticated, and able to query', async () => {
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
  it('an author who is limited is not asked for again until the time the relay gave, even if the relay is gone (I5)', async () => {
    const server = await scene.serve({ quota: { perAuthor: { max: 1 } } })
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const { client } = scene.connect('bob', server)
    const limited = async () =>
      byOutcome(await client.queryKeyPackages([alice.pubkey], { ask: 'one-time' })).limited
    expect(await limited()).toEqual([])
    expect(await limited()).toEqual([{ author: alice.pubkey, retryAfterSeconds: 3600 }])
    await server.stop()
    scene.advance(600)
    expect(await limited()).toEqual([{ author: alice.pubkey, retryAfterSeconds: 3000 }])
  })

  it('queryWithRetry waits as long as the relay says, up to maxWaitSeconds', async () => {
    const server = await scene.serve({ quota: { perAuthor: { max: 1, windowSeconds: 60 } } })
    const alice = scene.connect('alice', server)
    await alice.publish(3)
    const { client } = scene.connect('bob', server)
    await client.queryKeyPackages([alice.pubkey])
    const tooShort = byOutcome(await client.queryWithRetry([alice.pubkey], { maxWaitSeconds: 59 }))
    expect(tooShort.limited).toHaveLength(1)
    const answering = client.queryWithRetry([alice.pubkey], { maxWaitSeconds: 60 })
    await eventually('the client waits', () => scene.time.pending.includes(60_000))
    scene.advance(60)
    expect(byOutcome(await answering).packages.size).toBe(1)
  })

  it('more authors than a relay allows in one query are split into several queries', async () => {
    const server = await scene.serve({ claim: { maxAuthors: 2 } })
    const people = ['one', 'two', 'three', 'four', 'five'].map((name) => scene.connect(name, server))
    for (const someone of people) await someone.publish(1)
    const { client } = scene.connect('bob', server)
    const { packages } = byOutcome(await client.queryKeyPackages(people.map(({ pubkey }) => pubkey)))
    expect(packages.size).toBe(5)
  })
})

describe('connections that fail', () => {
  it('a relay that cannot be reached is tried `attempts` times, with pauses, and reported', async () => {
    const { client, pubkey } = scene.connect('bob', { url: 'ws://127.0.0.1:1' }, { attempts: 2 })
    const answering = client.queryKeyPackages([pubkey])
    await eventually('the client waits', () => scene.time.pending.includes(750))
    scene.advance(0.75)
    expect(byOutcome(await answering).unanswered).toEqual([{ author: pubkey, reason: 'connection failed' }])
  })

  it('a handshake that is never answered times out and does no other harm', async () => {
    const way = await BrokenWay.open()
    scene.finally(() => way.close())
    const settings = { attempts: 1, timeoutSeconds: 0.05 }
    const { client, pubkey } = scene.connect('bob', way, settings)
    expect(byOutcome(await client.queryKeyPackages([pubkey])).unanswered).toHaveLength(1)
  })

  // Node.js 20 has none. That of Node.js 22 fails without end if it is closed from within its error handler.
  const isMissing = globalThis.WebSocket === undefined
  it(`the WebSocket of the platform ${isMissing ? 'is missing, and the error says so' : 'fails like any other'}`, async () => {
    const connect = () => new KeyPackageClient({ relays: ['ws://127.0.0.1:1'], attempts: 1 })
    if (isMissing) {
      expect(connect).toThrow('this platform has no WebSocket')
      return
    }
    const author = 'a'.repeat(64)
    const { unanswered } = byOutcome(await connect().queryKeyPackages([author]))
    expect(unanswered).toEqual([{ author, reason: 'connection failed' }])
  })

  it('a relay that stops answering is asked again, and then delivers', async () => {
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
      return stock?.outcome === 'counted'
    })
    scene.advance(0.75)
    expect(byOutcome(await answering).packages.size).toBe(1)
  })

  it('a closed client does not connect any more', async () => {
    const server = await scene.serve()
    const { client, pubkey } = scene.connect('bob', server, { attempts: 1 })
    client.close()
    const { unanswered } = byOutcome(await client.queryKeyPackages([pubkey]))
    expect(unanswered).toEqual([{ author: pubkey, reason: 'the client is closed' }])
  })

  it('a client that listens for low stock reconnects, and receives the signal', async () => {
    const { server, way } = await reachable()
    const alice = scene.connect('alice', way)
    await scene.connect('alice', server).publish(3)
    const asked: string[] = []
    const stop = alice.client.onLowStock(({ relay }) => void asked.push(relay))
    await alice.client.countKeyPackages()
    way.cut()
    await eventually('the client waits before it reconnects', () => scene.time.pending.includes(750))
    await scene.connect('bob', server).client.queryKeyPackages([alice.pubkey])
    expect(asked).toEqual([])
    scene.advance(0.75)
    await eventually('the client is asked after it reconnects', () => asked.length === 1)
    expect(asked).toEqual([`${way.url}/`])

    stop()
    way.cut()
    await alice.client.countKeyPackages()
    expect(asked).toHaveLength(1)
  })

  /** A server behind a connection that tests can break; its `publicUrl` is the address of that connection. */
  async function reachable() {
    const way = await BrokenWay.open()
    scene.finally(() => way.close())
    const server = await scene.serve({ publicUrl: way.url })
    way.leadTo(server.url)
    return { server, way }
  }
})
