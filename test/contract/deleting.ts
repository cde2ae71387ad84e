/** Deletions that are remembered: what they cover does not come back, even if it was never there (I3). */

import { equal } from 'node:assert/strict'
import { MAX_DELETED_IDS, MAX_DELETED_SLOTS } from '../../plugin/stock/deletions.ts'
import type { Deletion, KeyPackageStore, MovableStore } from '../../plugin/store.ts'
import {
  authorNamed,
  DAY,
  deletionOf,
  HOUR,
  hex,
  LIMITS,
  NO_DELETIONS,
  NOW,
  packageNamed,
  slotNamed,
} from './packages.ts'
import { idsOf } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const pkg = packageNamed('one', alice)
const slot = slotNamed('phone', alice, 'phone')

const DELETIONS: readonly (readonly [what: string, deletion: Deletion])[] = [
  ['by id', deletionOf({ ids: [pkg.id, slot.id] })],
  ['of everything', deletionOf({ everything: true })],
]

export function describeDeleting(it: Specify): void {
  for (const [what, deletion] of DELETIONS) {
    it(`does not store what a deletion ${what} covers, also of an author it does not know (I3)`, async (store) => {
      same(await store.drop(alice, deletion, NOW), { outcome: 'deleted', count: 0 })
      for (const each of [pkg, slot]) equal(await store.put(each, LIMITS, NOW), 'deleted')
      same(await idsOf(store, alice), [])
      equal(await store.put(packageNamed('two', authorNamed('bob')), LIMITS, NOW), 'stored')
    })
  }

  it('does not store an event of a deleted slot that is not newer than the deletion', async (store) => {
    await store.drop(alice, deletionOf({ slots: ['phone'], createdUntil: NOW - HOUR }), NOW)
    equal(await store.put(slot, LIMITS, NOW), 'deleted')
    equal(await store.put(slotNamed('desk', alice, 'desk'), LIMITS, NOW), 'stored')
    equal(await store.put(pkg, LIMITS, NOW), 'stored')
    const newer = slotNamed('newer', alice, 'phone', { createdAt: NOW - HOUR + 1 })
    equal(await store.put(newer, LIMITS, NOW), 'stored')
  })

  it('stores what is newer than a deletion of everything', async (store) => {
    await store.drop(alice, deletionOf({ everything: true, createdUntil: NOW - HOUR }), NOW)
    equal(await store.put(pkg, LIMITS, NOW), 'deleted')
    equal(await store.put(packageNamed('newer', alice, { createdAt: NOW - HOUR + 1 }), LIMITS, NOW), 'stored')
  })

  it('remembers a deletion until keptUntil, sweeping or not, and then forgets it', async (store) => {
    await store.drop(alice, deletionOf({ ids: [pkg.id], keptUntil: NOW + DAY }), NOW)
    await store.sweep(NOW + DAY - 1, 600)
    equal(await store.put(pkg, LIMITS, NOW + DAY - 1), 'deleted')
    await store.sweep(NOW + DAY, 600)
    same(await store.count([alice], NOW + DAY), [undefined])
    equal(await store.put(pkg, LIMITS, NOW + DAY), 'stored')
  })

  it('does not remember a deletion whose time has passed, but applies it', async (store) => {
    await store.put(pkg, LIMITS, NOW)
    same(await store.drop(alice, deletionOf({ everything: true, keptUntil: NOW }), NOW), {
      outcome: 'deleted',
      count: 1,
    })
    equal(await store.put(packageNamed('two', alice), LIMITS, NOW), 'stored')
  })

  it('never forgets a part of a longer deletion for a shorter one', async (store) => {
    await store.drop(alice, deletionOf({ slots: ['phone'], createdUntil: NOW }), NOW)
    await store.drop(alice, deletionOf({ slots: ['phone'], createdUntil: NOW - DAY }), NOW)
    await store.drop(alice, deletionOf({ slots: ['phone'], createdUntil: NOW, keptUntil: NOW + 1 }), NOW)
    await store.sweep(NOW + HOUR, 600)
    equal(await store.put(slot, LIMITS, NOW + HOUR), 'deleted')
  })

  it('refuses to remember more ids than the maximum of an author, and changes nothing then', async (store) => {
    const ids = Array.from({ length: MAX_DELETED_IDS }, (_, index) => hex(`made up ${index}`))
    await store.put(pkg, LIMITS, NOW)
    equal((await store.drop(alice, deletionOf({ ids }), NOW)).outcome, 'deleted')
    const [first = ''] = ids
    equal((await store.drop(alice, deletionOf({ ids: [first] }), NOW)).outcome, 'deleted')
    equal((await store.drop(alice, deletionOf({ ids: [pkg.id] }), NOW)).outcome, 'deleted')
    await store.put(packageNamed('two', alice), LIMITS, NOW)
    const more = deletionOf({ ids: [packageNamed('two', alice).id, hex('one more')] })
    same(await store.drop(alice, more, NOW), { outcome: 'full' })
    same(await store.count([alice], NOW), [1])
    same(await store.drop(alice, { ...more, keptUntil: 0 }, NOW), { outcome: 'deleted', count: 1 })
    await isStillDeleted(store, first)
  })

  it('refuses to remember more slots than the maximum of an author', async (store) => {
    const slots = Array.from({ length: MAX_DELETED_SLOTS }, (_, index) => `slot ${index}`)
    equal((await store.drop(alice, deletionOf({ slots }), NOW)).outcome, 'deleted')
    equal((await store.drop(alice, deletionOf({ slots: ['one more'] }), NOW)).outcome, 'full')
    equal((await store.drop(alice, deletionOf({ everything: true }), NOW)).outcome, 'deleted')
  })
}

/** The same for the methods of `MovableStore`. */
export function describeMovingDeletions(it: Specify<MovableStore>): void {
  it('removes from the stock what another store remembers as deleted (I3)', async (store) => {
    const kept = packageNamed('newer', alice, { createdAt: NOW })
    for (const each of [pkg, slot, kept]) await store.put(each, LIMITS, NOW)
    const until = NOW + 30 * DAY
    const deletions = { ids: [[pkg.id, until]], slots: [['phone', NOW, until]] } as const
    await store.remember(alice, { names: [], deletions }, NOW)
    same(await idsOf(store, alice), [kept.id])
    for (const each of [pkg, slot]) equal(await store.put(each, LIMITS, NOW), 'spent')
  })

  it('returns the remembered deletions of an author, and takes over those of another store (I3)', async (store) => {
    const bob = authorNamed('bob')
    await store.drop(alice, deletionOf({ ids: [pkg.id], slots: ['phone'], everything: true }), NOW)
    const { deletions } = await store.remembered(alice, NOW)
    const kept = NOW + 30 * DAY
    same(deletions, { ids: [[pkg.id, kept]], slots: [['phone', NOW, kept]], everything: [NOW, kept] })
    same((await store.remembered(alice, kept)).deletions, NO_DELETIONS)

    await store.remember(bob, { names: [], deletions: { ids: [[pkg.id, kept]], slots: [] } }, NOW)
    equal(await store.put({ ...pkg, author: bob }, LIMITS, NOW), 'deleted')
    const authors: string[] = []
    for await (const author of store.authors()) authors.push(author)
    same([...new Set(authors)].sort(), [alice, bob].sort())
  })
}

async function isStillDeleted(store: KeyPackageStore, id: string): Promise<void> {
  equal(await store.put({ ...packageNamed('late', alice), id }, LIMITS, NOW), 'deleted')
}
