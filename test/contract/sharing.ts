/** Two stores on the same contents, as two processes have them open. */

import { equal } from 'node:assert/strict'
import type { KeyPackageRef } from '../../plugin/key-package/decode.ts'
import type { EventId, Pubkey } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { listOf } from './follow-lists.ts'
import { authorNamed, claimBy, HOUR, LIMITS, NOW, POLICY, packageNamed, slotNamed } from './packages.ts'
import { deliveredIds, idsOf } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')

export function describeSharing<Store extends KeyPackageStore>(
  it: Specify<Store>,
  share: (open: Store) => Promise<Store>,
): void {
  const both = sharing(it, share)

  both('each sees at once what the other did, and keeps it when the other is closed', async (left, right) => {
    const packages = Array.from({ length: 10 }, (_, index) => packageNamed(`${index}`, alice))
    await Promise.all(packages.map((pkg, index) => (index % 2 ? left : right).put(pkg, LIMITS, NOW)))
    same(await idsOf(left, alice), await idsOf(right, alice))
    same(await left.count([alice], NOW), [10])
    await right.close()
    same(await left.count([alice], NOW), [10])
  })

  both('know whom an author follows, whichever learnt it, and keep the newest list', async (left, right) => {
    const [bob, carol] = [authorNamed('bob'), authorNamed('carol')]
    await left.put(packageNamed('one', alice), LIMITS, NOW)
    const ages = Array.from({ length: 10 }, (_, age) => age)
    await Promise.all(
      ages.map((age) =>
        (age % 2 ? left : right).putFollowList(listOf([age === 0 ? bob : carol], { createdAt: NOW - age })),
      ),
    )
    for (const store of [left, right]) {
      equal(await store.follows(alice, [bob]), 'followed')
      equal(await store.follows(alice, [carol]), 'not followed')
    }
  })

  both('hand every package to one requester only, and never the last (I1, I2)', async (left, right) => {
    for (let index = 0; index < 10; index++) await left.put(packageNamed(`${index}`, alice), LIMITS, NOW)
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 ? left : right).claim([claimBy(`requester ${index}`, alice)], POLICY, NOW),
      ),
    )
    const [last] = await idsOf(right, alice)
    const spent = deliveredIds(outcomes.flat()).filter((id) => id !== last)
    equal(spent.length, 9)
    equal(new Set(spent).size, 9)
  })

  both('say the same about the relay, whichever was told', async (left, right) => {
    await Promise.all([left.putInformation('name', 'Keys'), right.putInformation('description', 'For all')])
    for (const store of [left, right])
      same(await store.information(), { name: 'Keys', description: 'For all' })
  })

  both('let nobody exceed a quota by asking both (I5)', async (left, right) => {
    const policy = { ...POLICY, perAuthor: { max: 10, windowSeconds: HOUR } }
    await left.put(packageNamed('one', alice), LIMITS, NOW)
    const calls = Array.from({ length: 30 }, (_, index) => (index % 2 ? left : right))
    const claims = await Promise.all(calls.map((store) => store.claim([claimBy('bob', alice)], policy, NOW)))
    equal(deliveredIds(claims.flat()).length, 10)
    const hits = await Promise.all(
      calls.map((store) => store.hit('key', 1, { max: 10, windowSeconds: HOUR }, NOW)),
    )
    equal(hits.filter(({ granted }) => granted === 1).length, 10)
  })
}

export function describeSharedSignals<Store extends KeyPackageStore>(
  it: Specify<Store>,
  share: (open: Store) => Promise<Store>,
): void {
  const both = sharing(it, share)

  both('tell who listens at either of what is published through the other', async (left, right) => {
    const heard = new Promise<[Pubkey, EventId]>((resolve) => right.onPublished((...told) => resolve(told)))
    const pkg = packageNamed('one', alice)
    await left.put(pkg, LIMITS, NOW)
    same(await heard, [alice, pkg.id])
  })

  both('tell who listens at either that a claim through the other left few', async (left, right) => {
    const heard = new Promise<[Pubkey, number]>((resolve) => right.onLowStock((...told) => resolve(told)))
    for (const name of ['one', 'two', 'three']) await left.put(packageNamed(name, alice), LIMITS, NOW)
    await left.claim([claimBy('bob', alice)], { ...POLICY, low: 3 }, NOW)
    same(await heard, [alice, 2])
  })

  both('tell who listens at either that a slot should be rotated', async (left, right) => {
    const heard = new Promise<[Pubkey, KeyPackageRef]>((resolve) =>
      right.onRotationDue((...told) => resolve(told)),
    )
    const { ref } = slotNamed('one', alice, 'phone')
    await left.tellRotationDue(alice, ref)
    same(await heard, [alice, ref])
  })

  both(
    'tell who listens at either of access rules that are added and removed through the other',
    async (left, right) => {
      for (const change of [
        () => left.putAccessRule({ list: 'ban', subject: alice, at: NOW }),
        () => left.dropAccessRule('ban', alice),
      ]) {
        let stop = () => {}
        const heard = new Promise<void>((resolve) => {
          stop = right.onAccessChanged(resolve)
        })
        await change()
        await heard
        stop()
      }
      same(await right.accessRules(), [])
    },
  )
}

/** States what two stores on the same contents must do. */
export function sharing<Store extends KeyPackageStore>(
  it: Specify<Store>,
  share: (open: Store) => Promise<Store>,
): (title: string, check: (left: Store, right: Store) => Promise<void>) => void {
  return (title, check) =>
    it(title, async (left) => {
      const right = await share(left)
      try {
        await check(left, right)
      } finally {
        await right.close()
      }
    })
}
