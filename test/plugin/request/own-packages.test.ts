/** An owner's list is made as the client takes it (I9), and fails as a whole answer does (I7). */

import { describe, expect, it } from '@jest/globals'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import { type KeyPackageStore, type ListedPackage, StoreError } from '../../../plugin/store.ts'
import {
  allOf,
  eventsIn,
  idsIn,
  keyPackagesBy,
  keyPackagesOf,
  startGateway,
  stock,
} from '../../support/gateway.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const EOSE = ['EOSE', 'sub']
const UNAVAILABLE = 'error: key packages are unavailable, try again'

/** Calls `reading` before each event of a list is read, with how many were read so far. */
function readsOf(reading: (before: number) => void) {
  let reads = 0
  return (store: KeyPackageStore) => ({
    list: async (...list: Parameters<KeyPackageStore['list']>): Promise<ListedPackage[]> =>
      (await store.list(...list)).map((pkg) => ({
        ...pkg,
        read: async () => {
          reading(reads++)
          return pkg.read()
        },
      })),
  })
}

const failsFrom = (count: number) =>
  readsOf((before) => {
    if (before >= count) throw new StoreError('gone')
  })

describe("an owner's list", () => {
  it('is read one event at a time, when that is asked for', async () => {
    let reads = 0
    const test = startGateway(
      {},
      readsOf(() => (reads += 1)),
    )
    await stock(test, alice, 3)
    const { session } = test.connect({ authenticated: () => [alice.pubkey] })
    const { replies } = await session.fromClient(['REQ', 'sub', keyPackagesBy(alice)])
    expect(reads).toBe(0)
    const seen: number[] = []
    for await (const [verb] of replies) if (verb === 'EVENT') seen.push(reads)
    expect(seen).toEqual([1, 2, 3])
  })

  it('is not read by COUNT', async () => {
    const test = startGateway({}, failsFrom(0))
    await stock(test, alice, 3)
    const { ask } = test.connect({ authenticated: () => [alice.pubkey] })
    expect(await ask('COUNT', 'sub', keyPackagesBy(alice))).toEqual([['COUNT', 'sub', { count: 3 }]])
  })

  it('leaves out what is gone by the time it is read', async () => {
    const test = startGateway({}, (store) => ({
      list: async (...list) =>
        (await store.list(...list)).map((pkg, index) =>
          index === 0 ? { ...pkg, read: async () => undefined } : pkg,
        ),
    }))
    await stock(test, alice, 2)
    const { ask } = test.connect({ authenticated: () => [alice.pubkey] })
    expect((await ask('REQ', 'sub', keyPackagesBy(alice))).map(([verb]) => verb)).toEqual(['EVENT', 'EOSE'])
  })

  it('comes after what was claimed of others, which is spent', async () => {
    const test = startGateway()
    const own = await stock(test, alice, 1)
    const [claimed] = await stock(test, bob, 2)
    const { ask } = test.connect({ authenticated: () => [alice.pubkey] })
    expect(idsIn(await ask('REQ', 'sub', keyPackagesBy(alice, bob)))).toEqual([claimed?.id, own[0]?.id])
  })

  it('that fails in the middle is closed with an error and no EOSE, and has no live feed (I7)', async () => {
    const test = startGateway({}, failsFrom(1))
    await stock(test, alice, 2)
    const owner = test.connect({ authenticated: () => [alice.pubkey] })
    const replies = await owner.ask('REQ', 'sub', keyPackagesBy(alice))
    expect(replies.map(([verb]) => verb)).toEqual(['EVENT', 'CLOSED'])
    expect(replies.at(-1)).toEqual(['CLOSED', 'sub', UNAVAILABLE])
    const [event] = await keyPackagesOf(alice, 1)
    if (event !== undefined) await test.gateway.publish(event)
    expect(eventsIn(owner.pushed)).toEqual([])
  })

  it('that fails beside claims is a notice, and the claims are served (I7)', async () => {
    const test = startGateway({}, failsFrom(0))
    await stock(test, alice, 1)
    const [claimed] = await stock(test, bob, 2)
    const { ask } = test.connect({ authenticated: () => [alice.pubkey] })
    const replies = await ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(idsIn(replies)).toEqual([claimed?.id])
    expect(replies.slice(1)).toEqual([['NOTICE', UNAVAILABLE], EOSE])
  })

  it('that fails beside a part for the relay is a notice; the relay ends it', async () => {
    const test = startGateway({}, failsFrom(0))
    await stock(test, alice, 1)
    const { say } = test.connect({ authenticated: () => [alice.pubkey] })
    const { replies, forward } = await say('REQ', 'sub', keyPackagesBy(alice), { kinds: [1] })
    expect(replies).toEqual([['NOTICE', UNAVAILABLE]])
    expect(forward).toEqual(['REQ', 'sub', { kinds: [1] }])
  })
})

describe('a list under way', () => {
  async function underWay() {
    let reads = 0
    const test = startGateway(
      {},
      readsOf(() => (reads += 1)),
    )
    await stock(test, alice, 3)
    const owner = test.connect({ authenticated: () => [alice.pubkey] })
    const { replies } = await owner.session.fromClient(['REQ', 'sub', keyPackagesBy(alice)])
    const pieces = (replies as AsyncIterable<RelayMessage>)[Symbol.asyncIterator]()
    await pieces.next()
    return { ...owner, test, pieces, reads: () => reads }
  }

  it.each(['CLOSE', 'close'])('ends with %s: nothing more is read', async (how) => {
    const { say, session, pieces, reads } = await underWay()
    if (how === 'CLOSE') await say('CLOSE', 'sub')
    else session.close()
    expect(await pieces.next()).toEqual({ done: true, value: undefined })
    expect(reads()).toBe(1)
  })

  it('gives its place to others of the address when its reader leaves', async () => {
    const { test, pieces } = await underWay()
    await pieces.return?.()
    const other = test.connect({ address: '192.0.2.1', authenticated: () => [alice.pubkey] })
    expect(idsIn(await other.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(3)
  })

  it('shows what is published meanwhile after EOSE', async () => {
    const { test, pieces, pushed } = await underWay()
    const [event] = await stock(test, alice, 1)
    const rest: RelayMessage[] = []
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) rest.push(next.value)
    expect(rest.map(([verb]) => verb)).toEqual(['EVENT', 'EVENT', 'EOSE', 'EVENT'])
    expect(idsIn(rest).at(-1)).toBe(event?.id)
    expect(idsIn(pushed)).toEqual([])
  })
})

describe('a filter without kinds', () => {
  const owner = async (test: ReturnType<typeof startGateway>) => {
    const client = test.connect()
    await client.authenticate(alice)
    return client
  }

  it("that names an owner's packages by ids: they come before the relay's answer", async () => {
    const test = startGateway()
    const [first, second] = await stock(test, alice, 3)
    const [theirs] = await stock(test, bob, 2)
    const filter = { ids: [first, second, theirs].map((event) => event?.id) }
    const { replies, forward } = await (await owner(test)).say('REQ', 'sub', filter)
    expect(replies).toEqual([
      ['EVENT', 'sub', second],
      ['EVENT', 'sub', first],
    ])
    expect(forward).toEqual(['REQ', 'sub', filter])
    expect(forward?.[2]).toBe(filter)
    expect(await test.store.count([alice.pubkey, bob.pubkey], test.now)).toEqual([3, 2])
  })

  it('the relay that has them too does not show them twice', async () => {
    const test = startGateway({ custody: 'relay' })
    const [first, second] = await stock(test, alice, 2)
    const { say, session } = await owner(test)
    await say('REQ', 'sub', { ids: [first?.id] })
    expect(session.fromRelay(['EVENT', 'sub', first])).toBeUndefined()
    const other: RelayMessage = ['EVENT', 'sub', second]
    expect(session.fromRelay(other)).toBe(other)
    const elsewhere: RelayMessage = ['EVENT', 'other', first]
    expect(session.fromRelay(elsewhere)).toBe(elsewhere)
    const eose: RelayMessage = ['EOSE', 'sub']
    expect(session.fromRelay(eose)).toBe(eose)
  })

  it('authors, times, tags, limit and #f count as they do elsewhere', async () => {
    const test = startGateway()
    const events = await stock(test, alice, 3)
    const ids = events.map(({ id }) => id)
    const { ask } = await owner(test)
    const found = async (filter: object) => idsIn(await ask('REQ', 'sub', { ids, ...filter }))
    expect(await found({})).toEqual(ids.toReversed())
    expect(await found({ authors: [alice.pubkey, bob.pubkey] })).toEqual(ids.toReversed())
    expect(await found({ authors: [bob.pubkey] })).toEqual([])
    expect(await found({ until: events[0]?.created_at })).toEqual([ids[0]])
    expect(await found({ '#x': ['none'] })).toEqual([])
    expect(await found({ limit: 1 })).toEqual([ids[2]])
    const [hex] = eventsIn(await ask('REQ', 'sub', { ids: [ids[0]], '#f': ['hex'] }))
    expect(hex?.tags).toContainEqual(['encoding', 'hex'])
  })

  it.each([
    ['of others', { ids: ['0'.repeat(64)] }, bob],
    ['without ids', { authors: [alice.pubkey] }, alice],
    ['with ids that are none', { ids: [7] }, alice],
    ['with no ids', { ids: [] }, alice],
    ['with authors that are none', { ids: ['0'.repeat(64)], authors: 'alice' }, alice],
  ])('%s is forwarded as the very same message', async (_, filter, who) => {
    const test = startGateway()
    await stock(test, alice, 1)
    const client = test.connect()
    if (who === alice) await client.authenticate(who)
    const message = ['REQ', 'sub', filter] as const
    const { replies, forward } = await client.session.fromClient(message)
    expect(await allOf(replies)).toEqual([])
    expect(forward?.[2]).toBe(filter)
  })

  it('is answered by the relay where the store fails: a NOTICE says so (I7)', async () => {
    const test = startGateway({}, () => ({ list: () => Promise.reject(new StoreError('gone')) }))
    const { say } = await owner(test)
    const filter = { ids: ['0'.repeat(64)] }
    expect(await say('REQ', 'sub', filter)).toMatchObject({
      replies: [['NOTICE', UNAVAILABLE]],
      forward: ['REQ', 'sub', filter],
    })
  })
})
