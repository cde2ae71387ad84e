/** `onRemoved`: packages that leave a stock other than by a claim, and why. */

import { equal } from 'node:assert/strict'
import type {
  KeyPackageStore,
  MovableStore,
  Removal,
  StockLimits,
  StoredKeyPackage,
} from '../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  deletionOf,
  HOUR,
  LIMITS,
  NO_DELETIONS,
  NOW,
  POLICY,
  packageNamed,
  slotNamed,
} from './packages.ts'
import { deliveredIds } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')

export function describeRemoving(it: Specify): void {
  it('reports expired packages once, whatever call finds them first', async (store) => {
    const finders: ((name: string) => Promise<unknown>)[] = [
      (name) => store.put(packageNamed(`beside ${name}`, alice), LIMITS, NOW + HOUR),
      () => store.claim([claimBy('bob', alice)], POLICY, NOW + HOUR),
      () => store.drop(alice, deletionOf({ ids: [] }), NOW + HOUR),
      () => store.release(alice, [], NOW + HOUR),
      () => store.sweep(NOW + HOUR, 600),
    ]
    const heard = listen(store)
    for (const [index, find] of finders.entries()) {
      const short = packageNamed(`short ${index}`, alice, { expiresAt: NOW + HOUR })
      await store.put(short, LIMITS, NOW)
      await find(`${index}`)
      same(heard.splice(0), [removalOf(short, 'expired')])
    }
    await store.sweep(NOW + HOUR, 600)
    same(heard, [])
  })

  it('reports packages retired by a claim or a sweep', async (store) => {
    const heard = listen(store)
    for (const [turn, retire] of [
      () => store.claim([claimBy('carol', alice)], POLICY, NOW + 600),
      () => store.sweep(NOW + 600, 600),
    ].entries()) {
      const [exposed, ...fresh] = ['exposed', 'fresh 1', 'fresh 2'].map((name) =>
        packageNamed(`${name} ${turn}`, alice),
      )
      if (exposed === undefined) return
      await store.put(exposed, LIMITS, NOW)
      await store.claim([claimBy('bob', alice)], POLICY, NOW)
      for (const pkg of fresh) await store.put(pkg, LIMITS, NOW + 1)
      await retire()
      same(heard.splice(0), [removalOf(exposed, 'retired')])
      await store.drop(alice, deletionOf({ everything: true, keptUntil: 0 }), NOW + 600)
      heard.splice(0)
    }
  })

  it('reports packages replaced in their slot, but not those that came too late for it', async (store) => {
    const [older, newer] = [DAY, HOUR].map((age) =>
      slotNamed(`${age}`, alice, 'phone', { createdAt: NOW - age }),
    )
    if (older === undefined || newer === undefined) return
    const heard = listen(store)
    for (const pkg of [older, newer]) await store.put(pkg, LIMITS, NOW)
    same(heard.splice(0), [removalOf(older, 'replaced')])
    await store.put(slotNamed('oldest', alice, 'phone', { createdAt: NOW - 2 * DAY }), LIMITS, NOW)
    same(heard, [])
  })

  it('reports evicted packages', async (store) => {
    const limits: StockLimits = { ...LIMITS, max: 1, overflow: 'evict-oldest' }
    const [older, newer] = [DAY, HOUR].map((age) => packageNamed(`${age}`, alice, { createdAt: NOW - age }))
    if (older === undefined || newer === undefined) return
    const heard = listen(store)
    for (const pkg of [older, newer]) await store.put(pkg, limits, NOW)
    same(heard, [removalOf(older, 'evicted')])
  })

  it('reports deleted packages, all of one deletion at once', async (store) => {
    const packages = ['one', 'two'].map((name) => packageNamed(name, alice))
    for (const pkg of [...packages, packageNamed('theirs', bob)]) await store.put(pkg, LIMITS, NOW)
    const told: (readonly Removal[])[] = []
    store.onRemoved((removals) => told.push(removals))
    await store.drop(alice, deletionOf({ everything: true, createdUntil: NOW }), NOW)
    equal(told.length, 1)
    same(byId(told.flat()), byId(packages.map((pkg) => removalOf(pkg, 'deleted'))))
  })

  it('does not report packages spent by a claim, nor any that were never in the stock', async (store) => {
    const heard = listen(store)
    for (const name of ['one', 'two', 'three']) await store.put(packageNamed(name, alice), LIMITS, NOW)
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    await store.put(packageNamed('four', alice), { ...LIMITS, max: 3 }, NOW)
    await store.claim([claimBy('bob', alice, { maximum: 2 })], POLICY, NOW)
    await store.release(alice, deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW)), NOW)
    await store.drop(bob, deletionOf({ everything: true, createdUntil: NOW }), NOW)
    await store.sweep(NOW, 600)
    same(heard, [])
  })

  it('calls nobody for a change that removes nothing', async (store) => {
    let calls = 0
    store.onRemoved(() => calls++)
    const policy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    for (const name of ['one', 'two', 'three']) await store.put(packageNamed(name, alice), LIMITS, NOW)
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    const claims = [alice, alice, bob].map((author) => claimBy('bob', author))
    const outcomes = await store.claim(claims, policy, NOW)
    same(
      outcomes.map(({ outcome }) => outcome),
      ['delivered', 'limited', 'none'],
    )
    await store.release(alice, deliveredIds(outcomes), NOW)
    await store.release(bob, deliveredIds(outcomes), NOW)
    await store.rank(alice, new Map([[packageNamed('one', alice).id, 'a']]), NOW)
    await store.rank(bob, new Map(), NOW)
    await store.drop(bob, deletionOf({ ids: [] }), NOW)
    await store.sweep(NOW, 600)
    equal(calls, 0)
  })

  it('reports a change after it is made, until the listener is removed', async (store) => {
    const pkg = packageNamed('one', alice)
    await store.put(pkg, LIMITS, NOW)
    const counts: Promise<unknown>[] = []
    const stop = store.onRemoved(() => counts.push(store.count([alice], NOW)))
    await store.drop(alice, deletionOf({ ids: [pkg.id] }), NOW)
    same(await Promise.all(counts), [[0]])
    stop()
    await store.put(packageNamed('two', alice), LIMITS, NOW)
    await store.drop(alice, deletionOf({ everything: true, createdUntil: NOW }), NOW)
    equal(counts.length, 1)
  })
}

/** The same for the methods of `MovableStore`. */
export function describeRemovingMoved(it: Specify<MovableStore>): void {
  it('reports packages that another store has spent', async (store) => {
    const [byName, byRef, kept] = ['one', 'two', 'three'].map((name) => packageNamed(name, alice))
    if (byName === undefined || byRef === undefined || kept === undefined) return
    for (const pkg of [byName, byRef, kept]) await store.put(pkg, LIMITS, NOW)
    const heard = listen(store)
    const { expiresAt } = kept
    await store.remember(
      alice,
      { names: [byName.id, byRef.ref].map((name) => ({ name, expiresAt })), deletions: NO_DELETIONS },
      NOW,
    )
    same(byId(heard), byId([byName, byRef].map((pkg) => removalOf(pkg, 'deleted'))))
  })
}

function listen(store: KeyPackageStore): Removal[] {
  const heard: Removal[] = []
  store.onRemoved((removals) => heard.push(...removals))
  return heard
}

function removalOf({ author, id, ref, kind }: StoredKeyPackage, why: Removal['why']): Removal {
  return { author, id, ref, kind, why }
}

function byId(removals: readonly Removal[]): Removal[] {
  return removals.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
