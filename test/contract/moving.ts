/** Reading everything in a store, and adding what another store remembers (`MovableStore`). */

import { equal, rejects } from 'node:assert/strict'
import { MAX_DELETED_IDS } from '../../plugin/stock/deletions.ts'
import type { KnownName, MovableStore, StockLimits, StoredKeyPackage } from '../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  deletionOf,
  HOUR,
  hex,
  LIMITS,
  NO_DELETIONS,
  NOW,
  POLICY,
  packageNamed,
  slotNamed,
} from './packages.ts'
import { allOf, deliveredIds, idsOf, storedPackages } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')
const UNCOUNTED: StockLimits = { max: 10, overflow: 'reject', retireAfterSeconds: 600 }

export function describeMoving(it: Specify<MovableStore>): void {
  describeLookingThrough(it)
  describeSpending(it)

  it('stores a package with its exposure from elsewhere, and keeps it for emergencies', async (store) => {
    const exposed = packageNamed('exposed', alice, { exposure: { since: NOW - 60, count: 3 } })
    const fresh = packageNamed('fresh', alice, { createdAt: NOW })
    for (const pkg of [exposed, fresh]) equal(await store.put(pkg, LIMITS, NOW), 'stored')
    const received = [exposed, fresh].map((pkg) => ({ ...pkg, receivedAt: NOW }))
    same(sorted(await storedPackages(store, alice)), sorted(received))
    same(deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW)), [fresh.id])
    same(deliveredIds(await store.claim([claimBy('carol', alice)], POLICY, NOW)), [exposed.id])
    same((await storedPackages(store, alice))[0]?.exposure, { since: NOW - 60, count: 4 })
  })

  it('retires a package by the time it was exposed elsewhere', async (store) => {
    const exposed = packageNamed('exposed', alice, { exposure: { since: NOW - 590, count: 1 } })
    const fresh = ['one', 'two'].map((name) => packageNamed(name, alice))
    for (const pkg of [exposed, ...fresh]) await store.put(pkg, LIMITS, NOW)
    equal(await store.sweep(NOW + 9, 600), 0)
    equal(await store.sweep(NOW + 10, 600), 1)
    same(await idsOf(store, alice), fresh.map(({ id }) => id).sort())
  })

  it('does not count packages that are put without a publish quota', async (store) => {
    const publish = { max: 1, windowSeconds: HOUR }
    for (const name of ['one', 'two', 'three']) {
      equal(await store.put(packageNamed(name, alice), UNCOUNTED, NOW), 'stored')
    }
    equal(await store.put(packageNamed('four', alice), { ...UNCOUNTED, publish }, NOW), 'stored')
    equal(await store.put(packageNamed('five', alice), { ...UNCOUNTED, publish }, NOW), 'limited')
    equal(await store.put(packageNamed('five', alice), UNCOUNTED, NOW), 'stored')
  })

  it('rejects these calls as well once it is closed', async (store) => {
    await store.close()
    const calls: (() => Promise<unknown>)[] = [
      () => store.remembered(alice, NOW),
      () => store.remember(alice, { names: [], deletions: NO_DELETIONS }, NOW),
      () => allOf(store.authors()),
      () => allOf(store.relayLists()),
    ]
    for (const call of calls) await rejects(call)
  })
}

function describeLookingThrough(it: Specify<MovableStore>): void {
  it('shows every author, also one whose packages are all spent', async (store) => {
    const authors = Array.from({ length: 350 }, (_, index) => authorNamed(`${index}`)).sort()
    await Promise.all(authors.map((author) => store.put(packageNamed(author, author), LIMITS, NOW)))
    await store.claim([claimBy('bob', alice)], POLICY, NOW)
    await store.drop(authorNamed('7'), deletionOf({ everything: true, createdUntil: NOW }), NOW)
    same([...new Set(await allOf(store.authors()))].sort(), authors)
  })

  it('no longer shows an author once everything is expired and swept', async (store) => {
    await store.put(packageNamed('one', alice, { expiresAt: NOW + HOUR }), LIMITS, NOW)
    await store.sweep(NOW + HOUR, 600)
    await store.sweep(NOW + DAY, 600)
    same(await allOf(store.authors()), [])
  })

  it('returns the known names of an author, in the stock or spent, until they expire (I3)', async (store) => {
    const [early, late] = [
      packageNamed('early', alice, { expiresAt: NOW + HOUR }),
      packageNamed('late', alice),
    ]
    for (const pkg of [early, late]) await store.put(pkg, LIMITS, NOW)
    await store.drop(alice, deletionOf({ ids: [late.id] }), NOW)
    same(byName((await store.remembered(alice, NOW)).names), byName([...namesOf(early), ...namesOf(late)]))
    same(byName((await store.remembered(alice, NOW + HOUR)).names), byName(namesOf(late)))
    same(await store.remembered(bob, NOW), { names: [], deletions: NO_DELETIONS })
  })
}

function describeSpending(it: Specify<MovableStore>): void {
  it('answers spent to a package that was spent elsewhere, by id and by KeyPackageRef, until it expires (I3)', async (store) => {
    const pkg = packageNamed('one', alice, { expiresAt: NOW + HOUR })
    await spend(store, namesOf(pkg))
    equal(await store.put(pkg, LIMITS, NOW), 'spent')
    equal(await store.put({ ...packageNamed('two', alice), ref: pkg.ref }, LIMITS, NOW), 'spent')
    await store.sweep(NOW + HOUR - 1, 600)
    equal(await store.put(pkg, LIMITS, NOW + HOUR - 1), 'spent')
    same(await store.stats(), { authors: 0, packages: 0 })
    equal(await store.put(pkg, LIMITS, NOW + HOUR), 'stored')
  })

  it('removes from the stock what was spent elsewhere, by id or by KeyPackageRef', async (store) => {
    const [byId, byRef, other] = ['id', 'ref', 'other'].map((name) => packageNamed(name, alice))
    const slot = slotNamed('slot', alice, 'phone')
    if (byId === undefined || byRef === undefined || other === undefined) return
    for (const pkg of [byId, byRef, other, slot]) await store.put(pkg, LIMITS, NOW)
    const [id] = namesOf(byId)
    const [, ref] = namesOf(byRef)
    await spend(store, [id, ref, ...namesOf(slot)])
    same(await idsOf(store, alice), [other.id])
    same(await store.stats(), { authors: 1, packages: 1 })
    for (const pkg of [byId, byRef, slot]) equal(await store.put(pkg, LIMITS, NOW), 'spent')
  })

  it('takes a KeyPackageRef without a kind, as earlier versions export it, for an event of either kind (I3)', async (store) => {
    const [oneTime, slot] = [packageNamed('one', alice), slotNamed('two', alice, 'phone')]
    const [late, lateSlot] = [packageNamed('late', alice), slotNamed('late slot', alice, 'desk')]
    for (const pkg of [oneTime, slot]) await store.put(pkg, LIMITS, NOW)
    const all = [oneTime, slot, late, lateSlot]
    await spend(
      store,
      all.map(({ ref, expiresAt }) => ({ name: ref, expiresAt })),
    )
    same(await idsOf(store, alice), [])
    for (const pkg of all) equal(await store.put(pkg, LIMITS, NOW), 'spent')
  })

  it('does not release what was spent elsewhere (I3)', async (store) => {
    const [first, second] = ['one', 'two'].map((name) => packageNamed(name, alice))
    if (first === undefined || second === undefined) return
    for (const pkg of [first, second]) await store.put(pkg, LIMITS, NOW)
    const ids = deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW))
    await spend(store, [...namesOf(first), ...namesOf(second)])
    await store.release(alice, ids, NOW)
    same(await store.count([alice], NOW), [0])
  })

  it('still deletes, and refuses only to remember more, after it took over more deletions than the maximum', async (store) => {
    const pkg = packageNamed('one', alice)
    await store.put(pkg, LIMITS, NOW)
    for (const from of ['here', 'there']) {
      const ids = Array.from({ length: MAX_DELETED_IDS }, (_, index) => hex(`${from} ${index}`))
      const deletions = { ...NO_DELETIONS, ids: ids.map((id) => [id, NOW + DAY] as const) }
      await store.remember(alice, { names: [], deletions }, NOW)
    }
    same(await store.drop(alice, deletionOf({ ids: [hex('one more')] }), NOW), { outcome: 'full' })
    same(await store.drop(alice, deletionOf({ everything: true }), NOW), { outcome: 'deleted', count: 1 })
    equal(await store.put(packageNamed('two', alice), LIMITS, NOW), 'deleted')
  })

  it('never shortens the time for which a name is known to be spent', async (store) => {
    const pkg = packageNamed('one', alice, { expiresAt: NOW + DAY })
    await spend(store, namesOf(pkg))
    await spend(store, namesOf({ ...pkg, expiresAt: NOW + HOUR }))
    await store.sweep(NOW + 2 * HOUR, 600)
    equal(await store.put(pkg, LIMITS, NOW + 2 * HOUR), 'spent')
  })
}

function spend(store: MovableStore, names: readonly KnownName[]): Promise<void> {
  return store.remember(alice, { names, deletions: NO_DELETIONS }, NOW)
}

function namesOf({ id, ref, kind, expiresAt }: StoredKeyPackage): [id: KnownName, ref: KnownName] {
  return [
    { name: id, expiresAt },
    { name: `${kind}:${ref}`, expiresAt },
  ]
}

function byName(names: readonly KnownName[]): KnownName[] {
  return names.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function sorted(packages: readonly StoredKeyPackage[]): StoredKeyPackage[] {
  return packages.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
