/** What hostile relays, hostile contacts and bad connections do to the client: nothing that outlasts a question (I9). */

import { describe, expect, it, jest } from '@jest/globals'
import { PlainKeySigner } from 'nostr-tools/signer'
import { WebSocket } from 'ws'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { ClientScene } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { startRelay } from '../support/relay.ts'
import { type Script, ScriptedRelay } from '../support/scripted-relay.ts'

jest.setTimeout(30_000)

const scene = new ClientScene(memoryStore)
const alice = person('alice').pubkey
/** An object that cannot become a text. */
const NO_TEXT = { toString: 1 }

/** A relay that has nothing, but for what it answers to a REQ for key packages. */
async function hostile(claim: (id: unknown) => ReturnType<Script>): Promise<ScriptedRelay> {
  return scripted((message) => {
    const [verb, id, filter] = message
    if (verb !== 'REQ') return []
    return Object(filter).kinds?.includes(443) ? claim(id) : [['EOSE', id]]
  })
}

async function scripted(script: Script): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.open(script)
  scene.finally(() => relay.close())
  return relay
}

describe('a hostile relay', () => {
  it.each([
    'rate-limited: 0 of 5 authors; try again in 1 s',
    'rate-limited: 1 of 2 authors; try again in 1 s',
    'restricted: at most 1 authors per key package query',
  ])('that says "%s" to whatever it is asked is not asked for ever', async (notice) => {
    const relay = await hostile((id) => [
      ['NOTICE', notice],
      ['EOSE', id],
    ])
    const authors = [alice, person('bob').pubkey, person('carol').pubkey]
    const { packages } = await scene.connect('dave', relay, { attempts: 1 }).client.queryKeyPackages(authors)
    expect(packages.size).toBe(0)
    expect(relay.claims.length).toBeLessThanOrEqual(1 + authors.length)
  })

  it('that has each part of a question wait is not waited for part by part', async () => {
    const relay = await hostile((id) => {
      scene.advance(9)
      return [['CLOSED', id, 'restricted: at most 1 authors per key package query']]
    })
    const authors = Array.from({ length: 40 }, (_, index) => person(`member ${index}`).pubkey)
    const begun = scene.time.now()
    const { client } = scene.connect('dave', relay, { attempts: 1 })
    const { unanswered } = await client.queryKeyPackages(authors)
    expect(unanswered).toHaveLength(40)
    expect(scene.time.now() - begun).toBeLessThan(70_000)
  })

  it.each([
    ['a reason that is no text', (id: unknown) => [['CLOSED', id, NO_TEXT]]],
    ['no reason', (id: unknown) => [['CLOSED', id]]],
    [
      'a NOTICE that is no text',
      (id: unknown) => [
        ['NOTICE', NO_TEXT],
        ['EOSE', id],
      ],
    ],
    [
      'events that are none',
      (id: unknown) => [
        ['EVENT', id, null],
        ['EVENT', id, 7],
        ['EOSE', id],
      ],
    ],
  ])('that answers with %s is understood as far as it goes, and others are asked', async (_what, answer) => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    const relay = await scripted(([verb, id]) => (verb === 'REQ' ? answer(id) : []))
    const server = await scene.serve()
    const author = scene.connect('alice', server)
    await author.publish(2)
    await author.client.publishRelayList()
    const relays = [relay.url, server.url]
    const bob = scene.connect('bob', server, { relays, attempts: 1 })
    expect((await bob.client.discover(alice)).by).toBe('key package relay list')
    expect(await bob.claim(author)).toHaveLength(1)
    warn.mockRestore()
  })

  it.each([null, {}, { count: 'many' }, { count: -1 }, { count: 0.5 }])(
    'that counts to %j has not counted',
    async (payload) => {
      const relay = await scripted(([verb, id]) => {
        if (verb === 'COUNT') return [['COUNT', id, payload]]
        return [['EOSE', id]]
      })
      const [stock] = await scene.connect('alice', relay).client.countKeyPackages()
      expect(stock).toEqual({ relay: relay.url, reason: expect.any(String) })
    },
  )

  it('that refuses a package, and gives no reason that is a text, is not waited for for ever; it may have it', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    const relay = await scripted(([verb, event]) =>
      verb === 'EVENT' ? [['OK', Object(event).id, false, NO_TEXT]] : [['EOSE', event]],
    )
    const author = scene.connect('alice', relay, { attempts: 1 })
    const [made] = await author.generate(1)
    if (made === undefined) throw new Error('nothing was made')
    const publishing = author.client.publishKeyPackages([made.publicPackage])
    await eventually('the client waits for an answer', () => warn.mock.calls.length > 0)
    scene.advance(10)
    expect(await publishing).toMatchObject([
      { acceptedBy: [], refusals: [], unanswered: [{ relay: relay.url, message: 'no answer in time' }] },
    ])
    warn.mockRestore()
  })

  it('that says OK and no text has said OK', async () => {
    const relay = await scripted(([verb, event]) =>
      verb === 'EVENT' ? [['OK', Object(event).id, true, NO_TEXT]] : [['EOSE', event]],
    )
    const { acceptedBy } = await scene.connect('alice', relay).client.publishRelayList()
    expect(acceptedBy).toEqual([{ relay: relay.url, message: expect.any(String) }])
  })

  it('that sends bytes, where a platform has no text of them, does not end the process', async () => {
    /** Bytes come as browsers and Node.js 22 have them: not as a Buffer, which is much like a text. */
    class PlatformWebSocket extends WebSocket {
      constructor(url: string) {
        super(url)
        this.binaryType = 'arraybuffer'
      }
    }
    const relay = await hostile((id) => [Buffer.from('["NOTICE","x"]'), ['EOSE', id]])
    const { client } = scene.connect('bob', relay, { WebSocket: PlatformWebSocket })
    expect((await client.queryKeyPackages([alice])).missing).toEqual([alice])
  })

  it('that counts an author’s packages, and then forgets who asked, is not asked for them: that were a claim (I2)', async () => {
    const bob = person('bob').pubkey
    const isAboutBob = (filter: unknown) => Object(filter).authors?.includes(bob) === true
    const relay = await scripted(([verb, id, filter], socket) => {
      if (isAboutBob(filter)) return []
      if (verb === 'COUNT') socket.send(JSON.stringify(['COUNT', id, { count: 1 }]), () => socket.close())
      return verb === 'REQ' ? [['EOSE', id]] : []
    })
    const { client } = scene.connect('alice', relay, { attempts: 1 })
    // Until this is answered, or the connection lost, nothing else is asked.
    const earlier = client.queryKeyPackages([bob])
    await eventually('it is asked', () => relay.claims.length === 1)
    const listing = client.listKeyPackages()
    await client.countKeyPackages()
    await earlier
    expect(await listing).toEqual([{ relay: relay.url, reason: expect.any(String) }])
    expect(relay.claims.every(([, , filter]) => isAboutBob(filter))).toBe(true)
  })

  it('that asks for more, and no more, and more again, has a failing answer tried no sooner for it', async () => {
    const low = ['REQ', 'keypackages:low', { kinds: [443], authors: [alice] }]
    const toggles = Array.from({ length: 50 }, () => [low, ['CLOSED', 'keypackages:low', '']]).flat()
    let asked = 0
    const relay = await scripted(([verb, id], socket) => {
      if (verb !== 'REQ') return []
      // One after the other, so that each is heard before the next.
      const next = () => {
        const toggle = toggles.shift()
        if (toggle !== undefined) socket.send(JSON.stringify(toggle), () => setImmediate(next))
      }
      next()
      return [['EOSE', id]]
    })
    const { client } = scene.connect('alice', relay)
    client.onLowStock(() => {
      asked++
      throw new Error('not now')
    })
    await eventually('it has said all of it', () => toggles.length === 0)
    expect(asked).toBe(1)
  })

  it('that hangs up on whoever comes is come to less and less often', async () => {
    const relay = await scripted((_message, socket) => {
      socket.close()
      return []
    })
    scene.connect('alice', relay).client.onLowStock(() => {})
    for (const wait of [750, 1500, 3000]) {
      await eventually(`the client waits ${wait} ms`, () => scene.time.pending.includes(wait))
      expect(scene.time.pending).toEqual([wait])
      scene.advance(wait / 1000)
    }
  })
})

describe('a hostile contact', () => {
  it('who names a thousand relays has the client ask ten; and what is no address is none', async () => {
    const relay = await startRelay()
    scene.finally(() => relay.stop())
    const { secretKey } = person('mallory')
    const names = ['wss:foo', 'wss://here.example', 'wss://HERE.example/', 'wss://here.example:443']
    const many = Array.from({ length: 1000 }, (_, index) => `wss://${index}.example`)
    const tags = [...names, ...many].map((url) => ['relay', url])
    relay.keep(signEvent(secretKey, { kind: 10051, created_at: 1, tags, content: '' }))
    const { relays } = await scene.connect('bob', relay).client.discover(person('mallory').pubkey)
    expect(relays).toHaveLength(10)
    expect(relays.slice(0, 2)).toEqual(['wss://here.example/', 'wss://0.example/'])
  })

  it('of whom nobody can be asked, being no pubkey, is refused', async () => {
    const relay = await hostile((id) => [['EOSE', id]])
    await expect(scene.connect('bob', relay).client.discover('npub1')).rejects.toThrow('64 lower-case hex')
  })
})

describe('a bad connection, or a hesitating user', () => {
  it('a signer that said no is asked again the next time the relay wants to know', async () => {
    const server = await scene.serve({ requester: 'auth' })
    const author = scene.connect('alice', server)
    await author.publish(2)
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    const signer = new PlainKeySigner(person('bob').secretKey)
    let isWilling = false
    const bob = scene.connect('bob', server, {
      attempts: 1,
      signer: {
        getPublicKey: () => signer.getPublicKey(),
        signEvent: async (template) => {
          if (!isWilling) throw new Error('the user said no')
          return signer.signEvent(template)
        },
      },
    })
    expect((await bob.client.queryKeyPackages([author.pubkey])).unanswered).toHaveLength(1)
    isWilling = true
    expect(await bob.claim(author)).toHaveLength(1)
    warn.mockRestore()
  })

  it('a client that is closed waits for nothing any more', async () => {
    const { client } = scene.connect('bob', { url: 'ws://127.0.0.1:1' })
    const asking = client.queryWithRetry([alice], { rounds: 5 })
    await eventually('it waits', () => scene.time.pending.length > 0)
    client.close()
    expect((await asking).unanswered).toHaveLength(1)
    expect(scene.time.pending).toEqual([])
  })

  it('two questions at a time about one author bring two packages, where everybody is shown all', async () => {
    const [first, second] = [await startRelay(), await hostile(() => [])]
    scene.finally(() => first.stop())
    const author = scene.connect('alice', first)
    await author.publish(3)
    // The second relay is silent: who asks for somebody else there too is still busy when the next question is answered.
    const bob = scene.connect('bob', first, { relays: [first.url, second.url], attempts: 1 })
    const one = bob.client.queryKeyPackages([author.pubkey, person('nobody').pubkey])
    await eventually('the second relay is asked', () => second.claims.length === 1)
    const two = await bob.claim(author)
    scene.advance(10)
    const [received] = (await one).packages.get(author.pubkey) ?? []
    expect(two).not.toEqual([received?.ref])
  })
})
