/** Relay lists: the newest of each author and kind is kept, until its author deletes it. */

import { equal } from 'node:assert/strict'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore, MovableStore } from '../../plugin/store.ts'
import { authorNamed, DAY, LIMITS, NOW, packageNamed, relayListOf } from './packages.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')
const KINDS = [10002, 10050, 10051]

export function describeRelayLists(it: Specify): void {
  for (const kind of KINDS) describeOneKind(it, kind)

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
  const lists = await store.getRelayLists(authors, kinds)
  return lists.sort((a, b) => a.kind - b.kind || (a.pubkey < b.pubkey ? -1 : 1))
}

function inOrder(known: readonly unknown[]): unknown[] {
  const key = (one: unknown) => {
    const { author, kind } = one as { author: string; kind: number }
    return `${author} ${kind}`
  }
  return [...known].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
