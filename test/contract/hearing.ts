/** Which authors a store knows: those with a package in the stock or spent. And its listeners. */

import { equal } from 'node:assert/strict'
import type { StoredKeyPackage } from '../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  deletionOf,
  HOUR,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  relayListOf,
  slotNamed,
} from './packages.ts'
import { deliveredIds } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const nobody = authorNamed('nobody')

export function describeHearing(it: Specify, itTells: Specify): void {
  it('knows no author who has published no key package, whoever asked for them', async (store) => {
    await store.claim([claimBy('bob', nobody)], POLICY, NOW)
    await store.putRelayList(relayListOf(nobody, NOW), NOW)
    await store.drop(nobody, deletionOf({ everything: true, keptUntil: 0 }), NOW)
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    same(await store.count([nobody, alice], NOW), [undefined, 1])
  })

  it('knows an author who has none left, until all their packages would have expired and were swept', async (store) => {
    const [last, deleted] = [HOUR, 2 * HOUR].map((after) =>
      packageNamed(`${after}`, alice, { expiresAt: NOW + after }),
    )
    if (last === undefined || deleted === undefined) return
    for (const pkg of [last, deleted]) await store.put(pkg, LIMITS, NOW)
    await store.drop(alice, deletionOf({ ids: [deleted.id] }), NOW)
    same(await store.count([alice], NOW), [1])
    await store.sweep(NOW + HOUR, 600)
    same(await store.count([alice], NOW + HOUR), [0])
    await store.sweep(NOW + 2 * HOUR, 600)
    same(await store.count([alice], NOW + 2 * HOUR), [undefined])
  })

  it('reports packages of authors whom it does not know, if asked to, and changes nothing then', async (store) => {
    const limits = { ...LIMITS, newAuthors: 'report' as const }
    const pkg = packageNamed('one', alice)
    equal(await store.put(pkg, limits, NOW), 'unheard')
    same(await store.count([alice], NOW), [undefined])
    equal(await store.countAuthors(), 0)
    equal(await store.put(pkg, LIMITS, NOW), 'stored')
    equal(await store.put(pkg, limits, NOW), 'duplicate')
    equal(await store.put(packageNamed('two', alice), limits, NOW), 'stored')
    await store.drop(nobody, deletionOf({ ids: [packageNamed('three', nobody).id] }), NOW)
    equal(await store.put(packageNamed('three', nobody), limits, NOW), 'deleted')
    equal(await store.put(packageNamed('four', nobody), limits, NOW), 'stored')
  })

  it('reports a new author for one of several packages that are put at the same time, if they are put so', async (store) => {
    const packages = Array.from({ length: 8 }, (_, index) => packageNamed(`${index}`, alice))
    const put = (pkg: StoredKeyPackage) => store.put(pkg, { ...LIMITS, newAuthors: 'report' }, NOW)
    const outcomes = await Promise.all(packages.map(put))
    same(new Set(outcomes), new Set(['unheard']))
    const [first, ...others] = packages
    if (first === undefined) return
    equal(await store.put(first, LIMITS, NOW), 'stored')
    same(new Set(await Promise.all(others.map(put))), new Set(['stored']))
  })

  it('counts the authors of whom it keeps anything, until it has forgotten them', async (store) => {
    equal(await store.countAuthors(), 0)
    const short = packageNamed('short', alice, { expiresAt: NOW + HOUR })
    for (const pkg of [short, packageNamed('two', alice, { expiresAt: NOW + HOUR })])
      await store.put(pkg, LIMITS, NOW)
    await store.drop(nobody, deletionOf({ slots: ['phone'], keptUntil: NOW + 2 * HOUR }), NOW)
    await store.claim([claimBy('bob', alice)], POLICY, NOW)
    equal(await store.countAuthors(), 2)
    for (const name of ['carol', 'dave', 'erin'])
      await store.putRelayList(relayListOf(authorNamed(name), NOW), NOW)
    equal(await store.countAuthors(), 3)
    await store.sweep(NOW + 10 * DAY, 600)
    await store.sweep(NOW + 10 * DAY, 600)
    equal(await store.countAuthors(), 0)
  })

  itTells('tells who listens that a slot should be rotated, until they stop', async (store) => {
    const heard: unknown[] = []
    store.onRotationDue(() => {
      throw new Error('a listener failed')
    })
    const stop = store.onRotationDue((...told) => heard.push(told))
    const { ref } = slotNamed('one', alice, 'phone')
    await store.tellRotationDue(alice, ref)
    same(heard, [[alice, ref]])
    stop()
    await store.tellRotationDue(alice, ref)
    equal(heard.length, 1)
    same(await store.list(alice, NOW), [])
  })

  itTells('is not affected by a listener that throws, and calls the others', async (store) => {
    const heard: string[] = []
    const fail = () => {
      throw new Error('a listener failed')
    }
    for (const listen of [fail, () => heard.push('low')]) store.onLowStock(listen)
    for (const listen of [fail, () => heard.push('published')]) store.onPublished(listen)
    for (const listen of [fail, () => heard.push('removed')]) store.onRemoved(listen)
    const short = packageNamed('short', alice, { expiresAt: NOW + HOUR })
    equal(await store.put(short, LIMITS, NOW), 'stored')
    for (const name of ['one', 'two'])
      equal(await store.put(packageNamed(name, alice), LIMITS, NOW), 'stored')
    const outcomes = await store.claim([claimBy('bob', alice)], { ...POLICY, low: 3 }, NOW + HOUR)
    equal(deliveredIds(outcomes).length, 1)
    same(await store.count([alice], NOW + HOUR), [1])
    same(heard, ['published', 'published', 'published', 'removed', 'low'])
  })
}
