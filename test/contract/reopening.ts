/** What a durable store still knows once it was closed and opened again. */

import { equal } from 'node:assert/strict'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { listOf } from './follow-lists.ts'
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
import { deliveredIds, storedPackages } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')

export function describeReopening<Store extends KeyPackageStore>(
  it: Specify<Store>,
  reopen: (closed: Store) => Promise<Store>,
): void {
  it('says that it is durable (I6)', async (store) => equal(store.durable, true))

  it('has all that it was given, the windows and claims too (I3, I5, I6)', async (first) => {
    const policy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    const publish = { max: 3, windowSeconds: HOUR }
    const packages = ['one', 'two', 'three'].map((name) => packageNamed(name, alice))
    for (const pkg of packages) await first.put(pkg, { ...LIMITS, publish }, NOW)
    await first.putRelayList(relayListOf(alice, NOW), NOW)
    await first.putFollowList(listOf([authorNamed('bob')]))
    await first.putAccessRule({ list: 'ban', subject: alice, reason: 'spam', at: NOW })
    await first.putInformation('name', 'Keys')
    await first.hit('key', 1, { max: 1, windowSeconds: HOUR }, NOW)
    const ids = deliveredIds(await first.claim([claimBy('bob', alice)], policy, NOW))
    const left = await storedPackages(first, alice)
    await first.close()

    const second = await reopen(first)
    try {
      same(await storedPackages(second, alice), left)
      same(await second.stats(), { authors: 1, packages: 2 })
      same(await second.getRelayLists([alice], [10051]), [relayListOf(alice, NOW)])
      equal(await second.follows(alice, [authorNamed('bob')]), 'followed')
      equal(await second.follows(alice, [authorNamed('carol')]), 'not followed')
      same(await second.accessRules(), [{ list: 'ban', subject: alice, reason: 'spam', at: NOW }])
      same(await second.information(), { name: 'Keys' })
      equal((await second.hit('key', 1, { max: 1, windowSeconds: HOUR }, NOW)).granted, 0)
      equal((await second.claim([claimBy('bob', alice)], policy, NOW))[0]?.outcome, 'limited')
      equal(await second.put(packageNamed('four', alice), { ...LIMITS, publish }, NOW), 'limited')
      const outcomes = await Promise.all(packages.map((pkg) => second.put(pkg, LIMITS, NOW)))
      same(outcomes.sort(), ['duplicate', 'duplicate', 'spent'])
      await second.release(alice, ids, NOW)
      same(await second.count([alice], NOW), [3])
    } finally {
      await second.close()
    }
  })
  it('remembers what was deleted, whether it had it or not (I3)', async (first) => {
    const [kept, deleted, never] = ['kept', 'deleted', 'never seen'].map((name) => packageNamed(name, alice))
    if (kept === undefined || deleted === undefined || never === undefined) throw new Error('there are three')
    for (const pkg of [kept, deleted]) await first.put(pkg, LIMITS, NOW)
    await first.drop(alice, deletionOf({ ids: [deleted.id, never.id] }), NOW)
    await first.drop(authorNamed('bob'), deletionOf({ everything: true }), NOW)
    await first.close()

    const second = await reopen(first)
    try {
      equal(await second.put(deleted, LIMITS, NOW), 'spent')
      equal(await second.put(never, LIMITS, NOW), 'deleted')
      equal(await second.put(packageNamed('of bob', authorNamed('bob')), LIMITS, NOW), 'deleted')
      same(await second.count([alice], NOW), [1])
    } finally {
      await second.close()
    }
  })
}
