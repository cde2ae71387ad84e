/** Hostile relays: whatever they answer, the client's calls end, and it does not misread the answer (I9). */

import { describe, expect, it, jest } from '@jest/globals'
import { WebSocket } from 'ws'
import { createKeyPackageEvent, createSlotId } from '../../adapters/client/events.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { byOutcome, ClientScene } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { isForKeyPackages, type Script, ScriptedRelay } from '../support/scripted-relay.ts'

const scene = new ClientScene(memoryStore)
const alice = person('alice').pubkey
/** An object that cannot be converted to a string. */
const NO_TEXT = { toString: 1 }

/** A relay that answers a REQ for key packages with `claim`, and has nothing else. */
async function hostile(claim: (id: unknown) => ReturnType<Script>): Promise<ScriptedRelay> {
  return scripted((message) => {
    const [verb, id, filter] = message
    if (verb !== 'REQ') return []
    return isForKeyPackages(filter) ? claim(id) : [['EOSE', id]]
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
  ])('that answers everything with "%s" gets a bounded number of REQs', async (notice) => {
    const relay = await hostile((id) => [
      ['NOTICE', notice],
      ['EOSE', id],
    ])
    const authors = [alice, person('bob').pubkey, person('carol').pubkey]
    const dave = scene.connect('dave', relay, { attempts: 1, ask: 'both' })
    const { packages } = byOutcome(await dave.client.queryKeyPackages(authors))
    expect(packages.size).toBe(0)
    expect(relay.claims.length).toBeLessThanOrEqual(1 + authors.length)
  })

  it('that delays the answer to each batch is not waited for batch by batch', async () => {
    const relay = await hostile((id) => {
      scene.advance(9)
      return [['CLOSED', id, 'restricted: at most 1 authors per key package query']]
    })
    const authors = Array.from({ length: 40 }, (_, index) => person(`member ${index}`).pubkey)
    const begun = scene.time.now()
    const { client } = scene.connect('dave', relay, { attempts: 1 })
    const { unanswered, refused } = byOutcome(await client.queryKeyPackages(authors))
    expect(unanswered.length).toBeGreaterThan(0)
    expect([...unanswered, ...refused]).toHaveLength(40)
    expect(scene.time.now() - begun).toBeLessThan(70_000)
  })

  it.each([
    ['a reason that is not a string', (id: unknown) => [['CLOSED', id, NO_TEXT]]],
    ['no reason', (id: unknown) => [['CLOSED', id]]],
    [
      'a NOTICE that is not a string',
      (id: unknown) => [
        ['NOTICE', NO_TEXT],
        ['EOSE', id],
      ],
    ],
    [
      'events that are not events',
      (id: unknown) => [
        ['EVENT', id, null],
        ['EVENT', id, 7],
        ['EOSE', id],
      ],
    ],
  ])('that answers with %s does no harm, and the next relay is asked', async (_what, answer) => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {})
    const relay = await scripted(([verb, id]) => (verb === 'REQ' ? answer(id) : []))
    const server = await scene.serve()
    const author = scene.connect('alice', server)
    await author.publish(2)
    await author.client.publishRelayList()
    const relays = [relay.url, server.url]
    const bob = scene.connect('bob', server, { relays, attempts: 1 })
    expect((await bob.client.discover(alice)).outcome).toBe('found')
    expect(await bob.claim(author)).toHaveLength(1)
    warn.mockRestore()
  })

  it.each([null, {}, { count: 'many' }, { count: -1 }, { count: 0.5 }])(
    'that answers COUNT with %j has sent no count',
    async (payload) => {
      const relay = await scripted(([verb, id]) => {
        if (verb === 'COUNT') return [['COUNT', id, payload]]
        return [['EOSE', id]]
      })
      const [stock] = await scene.connect('alice', relay).client.countKeyPackages()
      expect(stock).toEqual({ relay: relay.url, outcome: 'unanswered', reason: expect.any(String) })
    },
  )

  it('that refuses a package with a reason that is not a string counts as unanswered after the timeout', async () => {
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
      {
        outcome: 'unanswered',
        relays: [{ relay: relay.url, outcome: 'unanswered', message: 'no answer in time' }],
      },
    ])
    warn.mockRestore()
  })

  it('that sends older packages of a slot too does not get them used (30443)', async () => {
    const author = scene.connect('alice', { url: 'ws://127.0.0.1:1' })
    const createdAt = Math.floor(scene.time.now() / 1000)
    const made = await author.generate(3)
    const slot = createSlotId()
    const [newest, ...older] = await Promise.all(
      made.map(async ({ publicPackage }, index) => {
        const settings = { slot, createdAt: createdAt - index, keyPackage: publicPackage }
        return signEvent(author.person.secretKey, await createKeyPackageEvent(settings))
      }),
    )
    const relay = await hostile((id) => [
      ...[...older, newest, ...older].map((event) => ['EVENT', id, event]),
      ['EOSE', id],
    ])
    const bob = scene.connect('bob', relay, { ask: 'slots' })
    const { packages } = byOutcome(await bob.client.queryKeyPackages([alice]))
    expect(packages.get(alice)).toMatchObject([{ event: { id: newest?.id } }])
  })

  it('that answers OK with a reason that is not a string has accepted the event', async () => {
    const relay = await scripted(([verb, event]) =>
      verb === 'EVENT' ? [['OK', Object(event).id, true, NO_TEXT]] : [['EOSE', event]],
    )
    const { relays } = await scene.connect('alice', relay).client.publishRelayList()
    expect(relays).toEqual([{ relay: relay.url, outcome: 'accepted', message: expect.any(String) }])
  })

  it('that sends binary messages does not end the process', async () => {
    /** Binary messages arrive as in browsers and Node.js 22: not as a Buffer, which converts to a string. */
    class PlatformWebSocket extends WebSocket {
      constructor(url: string) {
        super(url)
        this.binaryType = 'arraybuffer'
      }
    }
    const relay = await hostile((id) => [Buffer.from('["NOTICE","x"]'), ['EOSE', id]])
    const { client } = scene.connect('bob', relay, { WebSocket: PlatformWebSocket })
    expect(byOutcome(await client.queryKeyPackages([alice])).missing).toEqual([alice])
  })

  it('that answers COUNT and then drops the connection gets no REQ for the packages: it could be a claim (I2)', async () => {
    const bob = person('bob').pubkey
    const isAboutBob = (filter: unknown) => Object(filter).authors?.includes(bob) === true
    const relay = await scripted(([verb, id, filter], socket) => {
      if (isAboutBob(filter)) return []
      if (verb === 'COUNT') socket.send(JSON.stringify(['COUNT', id, { count: 1 }]), () => socket.close())
      return verb === 'REQ' ? [['EOSE', id]] : []
    })
    const { client } = scene.connect('alice', relay, { attempts: 1 })
    // Until this is answered, or the connection is lost, the client sends no other REQ.
    const earlier = client.queryKeyPackages([bob])
    await eventually('the relay has the REQ', () => relay.claims.length === 1)
    const listing = client.listKeyPackages()
    await client.countKeyPackages()
    await earlier
    expect(await listing).toEqual([{ relay: relay.url, outcome: 'unanswered', reason: expect.any(String) }])
    expect(relay.claims.every(([, , filter]) => isAboutBob(filter))).toBe(true)
  })
})
