/** Relay lists: the newest of each author and kind is kept, until its author deletes it. */

import { equal } from 'node:assert/strict'
import {
  RELAY_LISTS_DELETED_SECONDS,
  RELAY_LISTS_KEPT_SECONDS,
} from '../../plugin/lifecycle/known-relay-lists.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore, MovableStore } from '../../plugin/store.ts'
import { authorNamed, DAY, HOUR, LIMITS, NOW, packageNamed, relayListOf } from './packages.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')
const KINDS = [10002, 10050, 10051]

export function describeRelayLists(it: Specify): void {
  for (const kind of KINDS) describeOneKind(it, kind)
  describeDropping(it)

  it('reports lists of authors of whose lists it knows nothing, if asked to, and changes nothing then', async (store) => {
    const list = listOf(alice, NOW, 10002)
    equal(await store.putRelayList(list, NOW, 'report'), 'unheard')
    same(await listsOf(store, [alice], KINDS), [])
    equal(await store.countAuthors(), 0)
    equal(await store.putRelayList(list, NOW), 'stored')
    equal(await store.putRelayList(list, NOW, 'report'), 'duplicate')
    equal(await store.putRelayList(listOf(alice, NOW, 10051), NOW, 'report'), 'stored')
    await store.dropRelayLists(bob, [10050], NOW)
    equal(await store.putRelayList(listOf(bob, NOW, 10002), NOW, 'report'), 'stored')
  })

  it('keeps the lists of each kind beside those of other kinds, and returns those asked for', async (store) => {
    const lists = KINDS.map((kind) => listOf(alice, NOW, kind))
    const [writes, inbox, keyPackages] = lists
    const bobs = listOf(bob, NOW, 10050)
    for (const list of [...lists, bobs]) equal(await store.putRelayList(list, NOW), 'stored')
    same(await listsOf(store, [alice], KINDS), lists)
    same(await listsOf(store, [alice], [10051, 10002]), [writes, keyPackages])
    const inboxes = alice < bob ? [inbox, bobs] : [bobs, inbox]
    same(await listsOf(store, [authorNamed('nobody'), bob, alice], [10050]), inboxes)
    same(await listsOf(store, [], KINDS), [])
    same(await listsOf(store, [alice], []), [])
  })

  it('returns the lists of many authors, of those who have any', async (store) => {
    const authors = Array.from({ length: 100 }, (_, index) => authorNamed(`${index}`))
    const lists = authors.filter((_, index) => index % 3 === 0).map((author) => listOf(author, NOW, 10051))
    for (const list of lists) await store.putRelayList(list, NOW)
    same(await listsOf(store, authors, KINDS), sorted(lists))
  })

  it('deletes the lists of the kinds named, and no others', async (store) => {
    const lists = KINDS.map((kind) => listOf(alice, NOW, kind))
    for (const list of [...lists, listOf(bob, NOW, 10051)]) await store.putRelayList(list, NOW)
    await store.dropRelayLists(alice, [10050], NOW)
    same(await listsOf(store, [alice], KINDS), [listOf(alice, NOW, 10002), listOf(alice, NOW, 10051)])
    await store.dropRelayLists(alice, KINDS, NOW)
    same(await listsOf(store, [alice, bob], KINDS), [listOf(bob, NOW, 10051)])
    for (const list of lists) equal(await store.putRelayList(list, NOW), 'deleted')
  })

  it('loses none of the lists that are put at the same time', async (store) => {
    const lists = KINDS.flatMap((kind) => [0, 1, 2, 3].map((age) => listOf(alice, NOW - age, kind)))
    await Promise.all(lists.map((list) => store.putRelayList(list, NOW)))
    same(
      await listsOf(store, [alice], KINDS),
      KINDS.map((kind) => listOf(alice, NOW, kind)),
    )
  })
}

function describeOneKind(it: Specify, kind: number): void {
  it(`keeps the newest list of each author (kind ${kind})`, async (store) => {
    const [older, newer] = [listOf(alice, NOW, kind), listOf(alice, NOW + 1, kind)]
    equal(await store.putRelayList(older, NOW), 'stored')
    equal(await store.putRelayList(older, NOW), 'duplicate')
    equal(await store.putRelayList(newer, NOW), 'stored')
    equal(await store.putRelayList(older, NOW), 'stale')
    same(await listsOf(store, [bob, alice], [kind]), [newer])
  })

  it(`keeps the one with the lowest id of two that are equally new (kind ${kind})`, async (store) => {
    const lists = ['wss://a.example', 'wss://b.example'].map((relay) => listOf(alice, NOW, kind, relay))
    const [low, high] = lists.sort((a, b) => (a.id < b.id ? -1 : 1))
    if (low === undefined || high === undefined) return
    equal(await store.putRelayList(high, NOW), 'stored')
    equal(await store.putRelayList(low, NOW), 'stored')
    equal(await store.putRelayList(high, NOW), 'stale')
  })

  it(`deletes a list that is not newer than the deletion, for good (kind ${kind})`, async (store) => {
    const [list, newer] = [listOf(alice, NOW, kind), listOf(alice, NOW + 1, kind)]
    await store.putRelayList(list, NOW)
    await store.dropRelayLists(alice, [kind], NOW - 1)
    same(await listsOf(store, [alice], [kind]), [list])
    await store.dropRelayLists(alice, [kind], NOW)
    same(await listsOf(store, [alice], [kind]), [])
    equal(await store.putRelayList(list, NOW), 'deleted')
    equal(await store.putRelayList(newer, NOW), 'stored')
    await store.dropRelayLists(alice, [kind], NOW - DAY)
    same(await listsOf(store, [alice], [kind]), [newer])
    equal(await store.putRelayList(list, NOW), 'deleted')
  })
}

function describeDropping(it: Specify): void {
  const sweep = (store: KeyPackageStore, now: number) => store.sweep(now, 600)
  const KEPT = RELAY_LISTS_KEPT_SECONDS

  it('drops lists of authors without packages after seven days, in a sweep (I9)', async (store) => {
    const lists = KINDS.map((kind) => listOf(alice, NOW, kind))
    for (const list of lists) await store.putRelayList(list, NOW)
    await sweep(store, NOW + KEPT - 1)
    same(await listsOf(store, [alice], KINDS), lists)
    await sweep(store, NOW + KEPT + HOUR)
    same(await listsOf(store, [alice], KINDS), [])
    equal(await store.countAuthors(), 0)
    equal(await store.putRelayList(lists[0] as SignedEvent, NOW + 9 * DAY, 'report'), 'unheard')
  })

  it('keeps them for seven days after the last was stored, whichever kind it is of', async (store) => {
    await store.putRelayList(listOf(alice, NOW, 10002), NOW)
    await store.putRelayList(listOf(alice, NOW, 10051), NOW + 6 * DAY)
    for (let day = 7; day < 13; day++) await sweep(store, NOW + day * DAY)
    same((await listsOf(store, [alice], KINDS)).length, 2)
    await sweep(store, NOW + 13 * DAY + HOUR)
    same(await listsOf(store, [alice], KINDS), [])
  })

  it('keeps them while their author has packages, and for six days at least after that', async (store) => {
    const list = listOf(alice, NOW, 10051)
    await store.putRelayList(list, NOW)
    await store.put(packageNamed('one', alice, { expiresAt: NOW + 20 * DAY }), LIMITS, NOW)
    for (let day = 1; day < 26; day++) {
      await sweep(store, NOW + day * DAY)
      same(await listsOf(store, [alice], KINDS), [list])
    }
    for (let day = 26; day < 29; day++) await sweep(store, NOW + day * DAY)
    same(await listsOf(store, [alice], KINDS), [])
  })

  it('remembers that lists were deleted for ninety days, or while their author has packages', async (store) => {
    const forgotten = NOW + RELAY_LISTS_DELETED_SECONDS
    for (const author of [alice, bob]) await store.dropRelayLists(author, [10051], NOW)
    await store.put(packageNamed('bobs', bob, { expiresAt: NOW + 200 * DAY }), LIMITS, NOW)
    // The last of these is on the ninetieth day.
    for (let day = 9; day <= 90; day += 9) await sweep(store, NOW + day * DAY)
    equal(await store.putRelayList(listOf(alice, NOW, 10051), forgotten), 'deleted')
    await sweep(store, forgotten + HOUR)
    equal(await store.putRelayList(listOf(bob, NOW, 10051), forgotten + HOUR), 'deleted')
    equal(await store.putRelayList(listOf(alice, NOW, 10051), forgotten + HOUR), 'stored')
  })

  it('drops a list after seven days also where only a deletion was remembered before', async (store) => {
    await store.dropRelayLists(alice, [10051], NOW)
    await sweep(store, NOW + 8 * DAY)
    await store.putRelayList(listOf(alice, NOW + 9 * DAY, 10002), NOW + 9 * DAY)
    await sweep(store, NOW + 9 * DAY + KEPT + HOUR)
    same(await listsOf(store, [alice], KINDS), [])
  })

  it('forgets a deletion in time although the list of another kind is deleted later', async (store) => {
    const later = NOW + 91 * DAY
    await store.dropRelayLists(alice, [10050], NOW)
    await store.dropRelayLists(alice, [10051], later)
    await sweep(store, later + HOUR)
    equal(await store.putRelayList(listOf(alice, NOW, 10050), later + HOUR), 'stored')
  })

  it('does not drop a list because older ones of its author are deleted', async (store) => {
    const list = listOf(alice, NOW + 1, 10051)
    await store.putRelayList(list, NOW)
    await store.dropRelayLists(alice, KINDS, NOW)
    await sweep(store, NOW + 6 * DAY)
    same(await listsOf(store, [alice], KINDS), [list])
    await sweep(store, NOW + KEPT + HOUR)
    same(await listsOf(store, [alice], KINDS), [])
    equal(await store.putRelayList(listOf(alice, NOW, 10051), NOW + 8 * DAY), 'deleted')
  })
}

/** What a movable store shows of them. */
export function describeMovedRelayLists(it: Specify<MovableStore>): void {
  it('shows what is known of every relay list, deletions included', async (store) => {
    const [carol, dave] = [authorNamed('carol'), authorNamed('dave')]
    const lists = [listOf(alice, NOW, 10051), listOf(alice, NOW, 10002)]
    for (const list of lists) await store.putRelayList(list, NOW)
    await store.dropRelayLists(bob, [10051, 10050], NOW)
    await store.dropRelayLists(carol, [10002], NOW)
    await store.putRelayList(listOf(carol, NOW + 1, 10002), NOW)
    await store.put(packageNamed('one', dave), LIMITS, NOW)
    const shown: unknown[] = []
    for await (const list of store.relayLists()) shown.push(list)
    const expected = [
      { author: alice, kind: 10051, event: lists[0] },
      { author: alice, kind: 10002, event: lists[1] },
      { author: bob, kind: 10050, deletedUntil: NOW },
      { author: bob, kind: 10051, deletedUntil: NOW },
      { author: carol, kind: 10002, deletedUntil: NOW, event: listOf(carol, NOW + 1, 10002) },
    ]
    same(inOrder(shown), inOrder(expected))
  })
}

function listOf(author: string, createdAt: number, kind: number, relay?: string): SignedEvent {
  return relayListOf(author, createdAt, relay, kind)
}

/** By kind, then by author. */
async function listsOf(
  store: KeyPackageStore,
  authors: readonly string[],
  kinds: readonly number[],
): Promise<SignedEvent[]> {
  return sorted(await store.getRelayLists(authors, kinds))
}

function sorted(lists: readonly SignedEvent[]): SignedEvent[] {
  return [...lists].sort((a, b) => a.kind - b.kind || (a.pubkey < b.pubkey ? -1 : 1))
}

function inOrder(known: readonly unknown[]): unknown[] {
  const key = (one: unknown) => {
    const { author, kind } = one as { author: string; kind: number }
    return `${author} ${kind}`
  }
  return [...known].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
