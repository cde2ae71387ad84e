/** Whom authors follow, learnt over the wire by every relay that knows its connections: which lists count, and what is asked for. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { Following } from '../../plugin/lifecycle/follow-list.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { eventually } from '../support/eventually.ts'
import { signEvent } from '../support/key-packages.ts'
import { machineTime, type Plugin, startNostrRelay } from '../support/nostr-relay.ts'
import { startNostreamTarget } from '../support/nostream-target.ts'
import type { Person } from '../support/people.ts'
import { startTestProxy, type TestProxy } from '../support/proxy.ts'
import { startRelay } from '../support/relay.ts'
import { startTestServer } from '../support/server.ts'
import { alice, bob, carol, eventOf, newEvent, Scene, type Target } from './behaviour/scene.ts'

interface StoreTarget extends Target {
  readonly store: KeyPackageStore
}

const NOT_KEPT =
  'not kept: this relay only notes whom the authors of its key packages follow, and serves no such lists'

/** With the words of its OK for a follow list. */
const relays: readonly (readonly [name: string, ok: string, start: () => Promise<StoreTarget>])[] = [
  ['serve', NOT_KEPT, async () => withStore((store) => startTestServer(store))],
  ['serve --upstream', '', async () => withStore((store) => startTestProxy({ store }))],
  ['@nostr-relay/core', '', () => startNostrRelay()],
  ['the model of nostream', '', () => startNostreamTarget()],
]

async function withStore(start: (store: KeyPackageStore) => Promise<Target>): Promise<StoreTarget> {
  const store = memoryStore()
  return Object.assign(await start(store), { store })
}

function followsOf(target: Target, author: Person, followed: readonly Person[], age = 0): SignedEvent {
  const tags = followed.map(({ pubkey }) => ['p', pubkey])
  return signEvent(author.secretKey, { kind: 3, created_at: target.now() - age, tags, content: '' })
}

function becomes(
  { store }: StoreTarget,
  followed: Person,
  expected: Following,
  author = alice,
): Promise<boolean> {
  return eventually(`${expected}`, async () => {
    return (await store.follows(author.pubkey, [followed.pubkey])) === expected
  })
}

describe.each(relays)('%s', (_name, ok, start) => {
  const scene = new Scene<StoreTarget>(start)

  it('learns from both lists whom the author of key packages follows, and forgets a deleted one', async () => {
    const target = await scene.start()
    await scene.publish(target, alice, 1)
    const client = await scene.connect(target)
    const follows = followsOf(target, alice, [bob])
    expect(await client.publish(follows)).toEqual([true, ok])
    await becomes(target, bob, 'followed')
    const people = [
      ['d', 'keypackages'],
      ['p', carol.pubkey],
    ]
    expect(await client.publish(eventOf(target, alice, 30000, people))).toEqual([true, ok])
    await becomes(target, carol, 'followed')
    expect(await target.store.follows(alice.pubkey, [alice.pubkey])).toBe('not followed')
    expect((await client.publish(eventOf(target, alice, 5, [['e', follows.id]])))[0]).toBe(true)
    await becomes(target, bob, 'not followed')
    expect(await target.store.follows(alice.pubkey, [carol.pubkey])).toBe('followed')
  })

  it('answers the list of an author without packages with the same words, and keeps nothing of it', async () => {
    const target = await scene.start()
    await scene.publish(target, alice, 1)
    const client = await scene.connect(target)
    expect(await client.publish(followsOf(target, carol, [bob]))).toEqual([true, ok])
    expect(await client.publish(followsOf(target, alice, [bob]))).toEqual([true, ok])
    await becomes(target, bob, 'followed')
    expect(await target.store.follows(carol.pubkey, [bob.pubkey])).toBe('unknown')
  })
})

describe('serve', () => {
  const scene = new Scene<StoreTarget>(async () => withStore((store) => startTestServer(store)))

  it('does not serve follow lists, and refuses those that it can make nothing of', async () => {
    const target = await scene.start()
    await scene.publish(target, alice, 1)
    const client = await scene.connect(target)
    await client.publish(followsOf(target, alice, [bob]))
    const reply = await client.request('any', { kinds: [3, 30000], authors: [alice.pubkey] })
    expect(reply).toEqual({ events: [], notices: [], closed: undefined })
    const blocked = [false, 'blocked: this relay stores only key packages and relay lists']
    expect(await client.publish(eventOf(target, alice, 30000, [['d', 'friends']]))).toEqual(blocked)
    const forged = { ...followsOf(target, alice, [carol]), sig: '0'.repeat(128) }
    expect(await client.publish(forged)).toEqual([false, 'invalid: wrong id or signature'])
    expect(await target.store.follows(alice.pubkey, [carol.pubkey])).toBe('not followed')
  })
})

describe('serve --upstream', () => {
  const onlyBob: Plugin = {
    beforeHandleEvent: async ({ pubkey }) => ({ canHandle: pubkey === bob.pubkey, message: 'blocked: no' }),
  }
  const scene = new Scene<StoreTarget & TestProxy>(async () => {
    const store = memoryStore()
    return Object.assign(await startTestProxy({ store }), { store })
  })
  const refusing = new Scene<StoreTarget & TestProxy>(async () => {
    const store = memoryStore()
    const relay = await startRelay({ plugins: [onlyBob] })
    return Object.assign(await startTestProxy({ store, relay }), { store })
  })

  it('does not learn a list that the relay has refused', async () => {
    const target = await refusing.start()
    for (const author of [alice, bob]) await refusing.publish(target, author, 1)
    const client = await refusing.connect(target)
    expect(await client.publish(followsOf(target, alice, [carol]))).toEqual([false, 'blocked: no'])
    expect((await client.publish(followsOf(target, bob, [carol])))[0]).toBe(true)
    await becomes(target, carol, 'followed', bob)
    expect(await target.store.follows(alice.pubkey, [carol.pubkey])).toBe('unknown')
  })

  it("asks the relay for the lists that it had before, with an author's first package, unseen by clients", async () => {
    const target = await scene.start()
    const set = eventOf(target, alice, 30000, [
      ['d', 'keypackages'],
      ['p', carol.pubkey],
    ])
    for (const event of [followsOf(target, alice, [bob]), set]) target.relay.keep(event)
    const client = await scene.connect(target)
    await client.publish(await newEvent(target, alice))
    await becomes(target, bob, 'followed')
    await becomes(target, carol, 'followed')
    expect((await client.rest()).map(([verb]) => verb)).toEqual([])
    const asked = target.relay.received.filter((frame) => frame.includes('"follows:'))
    expect(asked.map((frame) => JSON.parse(frame)[0])).toEqual(['REQ', 'CLOSE'])
    await client.publish(await newEvent(target, alice))
    await client.publish(await newEvent(target, bob))
    await eventually('the relay is asked for the lists of bob', () =>
      target.relay.received.some((frame) => frame.includes('"follows:') && frame.includes(bob.pubkey)),
    )
    const others = target.relay.received.filter((frame) => /^\["REQ","follows:/.test(frame))
    expect(others).toHaveLength(2)
  })

  it('asks over a new connection when the relay has closed the last one', async () => {
    const target = await scene.start()
    const lists = [followsOf(target, alice, [carol]), followsOf(target, bob, [carol])]
    for (const list of lists) target.relay.keep(list)
    const publish = async (author: Person) => {
      const client = await scene.connect(target)
      await client.publish(await newEvent(target, author))
      await becomes(target, carol, 'followed', author)
    }
    await publish(alice)
    for (const socket of target.relay.sockets) socket.close()
    await eventually('the connections are gone', () => target.relay.sockets.size === 0)
    await publish(bob)
  })
})

describe('the model of nostream', () => {
  const scene = new Scene(() => startNostreamTarget())

  it("is asked for the lists that it had before, with an author's first package, unseen by clients", async () => {
    const target = await scene.start()
    const set = eventOf(target, alice, 30000, [
      ['d', 'keypackages'],
      ['p', carol.pubkey],
    ])
    for (const event of [followsOf(target, alice, [bob], 10), set]) await target.nostream.events.put(event)
    const client = await scene.connect(target)
    await client.publish(await newEvent(target, alice))
    await becomes(target, bob, 'followed')
    await becomes(target, carol, 'followed')
    await client.publish(followsOf(target, alice, [carol]))
    await becomes(target, bob, 'not followed')
    expect((await client.rest()).map(([verb]) => verb)).toEqual([])
    const subscriptions = [...target.nostream.adapters].map((adapter) => adapter.getSubscriptions().size)
    expect(subscriptions).toEqual([0])
  })
})

describe('@nostr-relay/core', () => {
  const scene = new Scene<StoreTarget>(async () => {
    const relay: Awaited<ReturnType<typeof startNostrRelay>> = await startNostrRelay({
      plugin: { findEvents: (filters) => relay.relay.program.findEvents(filters) },
    })
    relay.relay.keep(followsOf({ ...relay, now: machineTime }, alice, [bob]))
    return relay
  })

  it("is asked for the lists that it had before, with an author's first package", async () => {
    const target = await scene.start()
    await scene.publish(target, alice, 1)
    await becomes(target, bob, 'followed')
  })
})
