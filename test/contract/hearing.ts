/** Which authors a store knows: those with a package in the stock or spent. And its listeners. */

import { equal } from 'node:assert/strict'
import {
  authorNamed,
  claimBy,
  deletionOf,
  HOUR,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  relayListOf,
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
