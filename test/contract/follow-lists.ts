/** Follow lists: whom the authors of packages follow or vouch for, by the newest list of each kind. */

import { equal } from 'node:assert/strict'
import { type FollowList, MAX_FOLLOWED } from '../../plugin/lifecycle/follow-list.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  deletionOf,
  HOUR,
  hex,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
} from './packages.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')
const carol = authorNamed('carol')
const dave = authorNamed('dave')
const KINDS = [3, 30000]

export function describeFollowLists(it: Specify): void {
  for (const kind of KINDS) describeOneKind(it, kind)
  describeForgetting(it)

  it('says that it knows no list of an author who has published none', async (store) => {
    await have(store)
    equal(await store.follows(alice, [bob]), 'unknown')
    equal(await store.follows(bob, [alice]), 'unknown')
  })

  it('keeps no list of an author without packages', async (store) => {
    equal(await store.putFollowList(listOf([bob])), 'no packages')
    await have(store)
    equal(await store.follows(alice, [bob]), 'unknown')
  })

  it('finds whom either list names, and those of other authors in neither', async (store) => {
    await have(store)
    await have(store, dave)
    equal(await store.putFollowList(listOf([bob])), 'stored')
    equal(await store.putFollowList(listOf([carol], { kind: 30000 })), 'stored')
    equal(await store.putFollowList(listOf([alice], { author: dave })), 'stored')
    same(await Promise.all([bob, carol, dave].map((pubkey) => store.follows(alice, [pubkey]))), [
      'followed',
      'followed',
      'not followed',
    ])
    equal(await store.follows(dave, [alice]), 'followed')
    equal(await store.follows(dave, [bob, carol]), 'not followed')
  })

  it('finds any of several pubkeys', async (store) => {
    await have(store)
    await store.putFollowList(listOf([bob]))
    equal(await store.follows(alice, [dave, carol, bob]), 'followed')
    equal(await store.follows(alice, [dave, carol]), 'not followed')
    equal(await store.follows(alice, []), 'not followed')
  })

  it('keeps a list of the greatest length', async (store) => {
    await have(store)
    const pubkeys = Array.from({ length: MAX_FOLLOWED }, (_, index) => authorNamed(`${index}`))
    equal(await store.putFollowList(listOf(pubkeys)), 'stored')
    for (const pubkey of [pubkeys[0], pubkeys[1234], pubkeys.at(-1)])
      equal(await store.follows(alice, [pubkey ?? '']), 'followed')
    equal(await store.follows(alice, [authorNamed('somebody else')]), 'not followed')
  })

  it('keeps the newest of the lists of both kinds that are put at the same time', async (store) => {
    await have(store)
    const lists = [0, 1, 2, 3].flatMap((age) =>
      KINDS.map((kind) => listOf([authorNamed(`${kind} ${age}`)], { kind, createdAt: NOW - age })),
    )
    await Promise.all(lists.map((list) => store.putFollowList(list)))
    for (const kind of KINDS) {
      equal(await store.follows(alice, [authorNamed(`${kind} 0`)]), 'followed')
      for (const age of [1, 2, 3])
        equal(await store.follows(alice, [authorNamed(`${kind} ${age}`)]), 'not followed')
    }
  })

  it('keeps them while packages come, are claimed and are released', async (store) => {
    await have(store)
    await store.putFollowList(listOf([bob]))
    await Promise.all([
      ...['two', 'three', 'four'].map((name) => store.put(packageNamed(name, alice), LIMITS, NOW)),
      store.putFollowList(listOf([carol], { kind: 30000 })),
      store.claim([claimBy('x', alice)], POLICY, NOW),
    ])
    await store.claim([claimBy('y', alice), claimBy('z', alice)], POLICY, NOW)
    equal(await store.follows(alice, [bob]), 'followed')
    equal(await store.follows(alice, [carol]), 'followed')
    same(await store.stats(), { authors: 1, packages: 1 })
  })
}

function describeOneKind(it: Specify, kind: number): void {
  it(`keeps the newest list of an author (kind ${kind})`, async (store) => {
    await have(store)
    const [older, newer] = [listOf([bob], { kind }), listOf([carol], { kind, createdAt: NOW + 1 })]
    equal(await store.putFollowList(older), 'stored')
    equal(await store.putFollowList(older), 'duplicate')
    equal(await store.putFollowList(newer), 'stored')
    equal(await store.putFollowList(older), 'stale')
    equal(await store.follows(alice, [bob]), 'not followed')
    equal(await store.follows(alice, [carol]), 'followed')
    equal(await store.putFollowList(listOf([], { kind, createdAt: NOW + 2 })), 'stored')
    equal(await store.follows(alice, [bob, carol]), 'not followed')
  })

  it(`keeps the one with the lowest id of two that are equally new (kind ${kind})`, async (store) => {
    await have(store)
    const lists = [listOf([bob], { kind }), listOf([carol], { kind })]
    const [low, high] = lists.sort((a, b) => (a.id < b.id ? -1 : 1))
    if (low === undefined || high === undefined) return
    equal(await store.putFollowList(high), 'stored')
    equal(await store.putFollowList(low), 'stored')
    equal(await store.putFollowList(high), 'stale')
    equal(await store.follows(alice, low.pubkeys), 'followed')
    equal(await store.follows(alice, high.pubkeys), 'not followed')
  })

  it(`deletes a list by its kind, and refuses it and older ones from then on (kind ${kind})`, async (store) => {
    await have(store)
    const list = listOf([bob], { kind })
    await store.putFollowList(list)
    await store.dropFollowLists(alice, { kinds: [kind], ids: [], createdUntil: NOW - 1 })
    equal(await store.follows(alice, [bob]), 'followed')
    await store.dropFollowLists(alice, { kinds: [kind], ids: [], createdUntil: NOW })
    equal(await store.follows(alice, [bob]), 'unknown')
    equal(await store.putFollowList(list), 'deleted')
    await store.dropFollowLists(alice, { kinds: [kind], ids: [], createdUntil: NOW - DAY })
    equal(await store.putFollowList(listOf([bob], { kind, createdAt: NOW - HOUR })), 'deleted')
    equal(await store.putFollowList(listOf([carol], { kind, createdAt: NOW + 1 })), 'stored')
    equal(await store.follows(alice, [carol]), 'followed')
  })

  it(`refuses a list whose deletion came first (kind ${kind})`, async (store) => {
    await have(store)
    await store.dropFollowLists(alice, { kinds: [kind], ids: [], createdUntil: NOW })
    equal(await store.putFollowList(listOf([bob], { kind })), 'deleted')
  })

  it(`deletes a list by its id, and no other (kind ${kind})`, async (store) => {
    await have(store)
    const lists = KINDS.map((each) => listOf([authorNamed(`of ${each}`)], { kind: each }))
    for (const list of lists) await store.putFollowList(list)
    const named = lists.filter((list) => list.kind === kind)
    await store.dropFollowLists(alice, { kinds: [], ids: [hex('made up')], createdUntil: NOW })
    for (const list of lists) equal(await store.follows(alice, list.pubkeys), 'followed')
    const ids = named.map(({ id }) => id)
    await store.dropFollowLists(bob, { kinds: [], ids, createdUntil: NOW })
    for (const list of lists) equal(await store.follows(alice, list.pubkeys), 'followed')
    await store.dropFollowLists(alice, { kinds: [], ids, createdUntil: NOW })
    for (const list of lists)
      equal(await store.follows(alice, list.pubkeys), list.kind === kind ? 'not followed' : 'followed')
    for (const list of named) equal(await store.putFollowList(list), 'deleted')
    equal(await store.putFollowList(listOf([carol], { kind, createdAt: NOW - DAY })), 'deleted')
  })
}

function describeForgetting(it: Specify): void {
  it('forgets the lists once a sweep finds that their author has no packages', async (store) => {
    await have(store, alice, NOW + HOUR)
    await have(store, dave)
    for (const kind of KINDS) await store.putFollowList(listOf([bob], { kind }))
    await store.putFollowList(listOf([bob], { author: dave }))
    await store.sweep(NOW + HOUR - 1, 600)
    equal(await store.follows(alice, [bob]), 'followed')
    await store.sweep(NOW + HOUR, 600)
    equal(await store.follows(alice, [bob]), 'unknown')
    equal(await store.follows(dave, [bob]), 'followed')
  })

  it('forgets the lists with the next sweep of an author who has deleted every package', async (store) => {
    await have(store)
    await store.putFollowList(listOf([bob]))
    await store.drop(alice, deletionOf({ everything: true, createdUntil: NOW - HOUR, keptUntil: 0 }), NOW)
    equal(await store.follows(alice, [bob]), 'followed')
    await store.sweep(NOW, 600)
    equal(await store.follows(alice, [bob]), 'unknown')
  })

  it('keeps the lists of an author who deletes a package before publishing the next one', async (store) => {
    await have(store)
    await store.putFollowList(listOf([bob]))
    await store.drop(alice, deletionOf({ ids: [packageNamed(`one of ${alice}`, alice).id] }), NOW)
    await store.put(packageNamed('two', alice), LIMITS, NOW)
    await store.sweep(NOW + HOUR, 600)
    equal(await store.follows(alice, [bob]), 'followed')
  })

  it('deletes the lists of an author who vanishes, and takes in no list from before (NIP-62)', async (store) => {
    await have(store)
    await store.putFollowList(listOf([bob]))
    await store.drop(alice, deletionOf({ everything: true }), NOW)
    await store.dropFollowLists(alice, { kinds: KINDS, ids: [], createdUntil: NOW })
    equal(await store.follows(alice, [bob]), 'unknown')
    await store.put(packageNamed('new', alice, { createdAt: NOW + 1 }), LIMITS, NOW + 1)
    for (const kind of KINDS) equal(await store.putFollowList(listOf([bob], { kind })), 'deleted')
    equal(await store.putFollowList(listOf([carol], { createdAt: NOW + 1 })), 'stored')
  })

  it('deletes nothing of an author it does not know', async (store) => {
    await store.dropFollowLists(alice, { kinds: KINDS, ids: [hex('made up')], createdUntil: NOW })
    same(await store.count([alice], NOW), [undefined])
    await have(store)
    equal(await store.putFollowList(listOf([bob])), 'stored')
  })
}

/** A list of alice's of kind 3, unless another is said. */
export function listOf(pubkeys: readonly string[], overrides: Partial<FollowList> = {}): FollowList {
  const { author = alice, kind = 3, createdAt = NOW } = overrides
  return { author, kind, createdAt, id: hex(`follows ${author} ${kind} ${createdAt} ${pubkeys}`), pubkeys }
}

/** Gives an author a package. */
async function have(store: KeyPackageStore, author = alice, expiresAt = NOW + 30 * DAY): Promise<void> {
  await store.put(packageNamed(`one of ${author}`, author, { expiresAt }), LIMITS, NOW)
}
