/** The outcome of putting a package into a store. */

import { equal } from 'node:assert/strict'
import type { EventId, Pubkey } from '../../plugin/nostr/messages.ts'
import type { StockLimits, StoredKeyPackage } from '../../plugin/store.ts'
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
  slotNamed,
} from './packages.ts'
import { idsOf, storedPackages } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')

export function describePublishing(it: Specify, itTells: Specify): void {
  it('stores a package and returns all of it', async (store) => {
    const pkg = packageNamed('one', alice, { lastResort: true })
    equal(await store.put(pkg, LIMITS, NOW), 'stored')
    same(await storedPackages(store, alice), [{ ...pkg, receivedAt: NOW }])
  })

  it('answers duplicate to an id or a KeyPackageRef that is in the stock', async (store) => {
    const pkg = packageNamed('one', alice)
    await store.put(pkg, LIMITS, NOW)
    equal(await store.put(pkg, LIMITS, NOW), 'duplicate')
    equal(await store.put({ ...packageNamed('two', alice), ref: pkg.ref }, LIMITS, NOW), 'duplicate')
    equal(await store.put({ ...packageNamed('two', alice), id: pkg.id }, LIMITS, NOW), 'duplicate')
    same(await store.count([alice], NOW), [1])
  })

  it('stores one package that is put many times at once only once', async (store) => {
    const pkg = packageNamed('one', alice)
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.put(pkg, LIMITS, NOW)))
    same(outcomes.sort(), [...Array(19).fill('duplicate'), 'stored'])
  })

  it('answers spent to a package that was claimed, by id and by KeyPackageRef (I3)', async (store) => {
    await store.put(packageNamed('one', alice, { createdAt: NOW - 2 * HOUR }), LIMITS, NOW)
    await store.put(packageNamed('two', alice), LIMITS, NOW)
    await store.claim([claimBy('carol', alice)], POLICY, NOW)
    const { id, ref } = packageNamed('one', alice)
    equal(await store.put(packageNamed('one', alice), LIMITS, NOW), 'spent')
    equal(await store.put({ ...packageNamed('three', alice), id }, LIMITS, NOW), 'spent')
    equal(await store.put({ ...packageNamed('three', alice), ref }, LIMITS, NOW), 'spent')
    same(await store.count([alice], NOW), [1])
  })

  it('answers spent until the package would have expired, sweeping or not (I3)', async (store) => {
    const pkg = packageNamed('one', alice, { expiresAt: NOW + HOUR })
    await store.put(pkg, LIMITS, NOW)
    await store.drop(alice, deletionOf({ ids: [pkg.id] }), NOW)
    await store.sweep(NOW + HOUR - 1, LIMITS.retireAfterSeconds)
    equal(await store.put(pkg, LIMITS, NOW + HOUR - 1), 'spent')
  })

  it('remembers a KeyPackage as long as it can be used, also if its event expires before that (I3)', async (store) => {
    const times = { expiresAt: NOW + HOUR, keyPackageExpiresAt: NOW + 2 * DAY }
    const first = packageNamed('one', alice, times)
    const slot = slotNamed('phone', alice, 'phone', times)
    for (const pkg of [first, slot]) equal(await store.put(pkg, LIMITS, NOW), 'stored')
    const { keyPackageExpiresAt: _, ...kept } = first
    same(
      (await storedPackages(store, alice)).find(({ id }) => id === first.id),
      { ...kept, receivedAt: NOW },
    )
    const again = [
      { ...packageNamed('two', alice), ref: first.ref },
      { ...slotNamed('desk', alice, 'desk'), ref: slot.ref },
    ]
    for (const at of [NOW + HOUR, NOW + 2 * DAY - 1]) {
      await store.sweep(at, LIMITS.retireAfterSeconds)
      for (const pkg of again) equal(await store.put(pkg, LIMITS, at), 'spent')
    }
    await store.sweep(NOW + 2 * DAY, LIMITS.retireAfterSeconds)
    same(await store.count([alice], NOW + 2 * DAY), [undefined])
    for (const pkg of again) equal(await store.put(pkg, LIMITS, NOW + 2 * DAY), 'stored')
  })

  it('refuses a package above the maximum, and accepts it when there is room', async (store) => {
    const limits: StockLimits = { ...LIMITS, max: 2 }
    const [first, second, third] = ['one', 'two', 'three'].map((name) => packageNamed(name, alice))
    for (const pkg of [first, second]) if (pkg) equal(await store.put(pkg, limits, NOW), 'stored')
    if (third) equal(await store.put(third, limits, NOW), 'full')
    await store.claim([claimBy('carol', alice)], POLICY, NOW)
    if (third) equal(await store.put(third, limits, NOW), 'stored')
  })

  it('evicts the oldest instead, which is spent then (I3)', async (store) => {
    const limits: StockLimits = { ...LIMITS, max: 2, overflow: 'evict-oldest' }
    const packages = [3, 2, 1].map((age) => packageNamed(`${age}`, alice, { createdAt: NOW - age * HOUR }))
    for (const pkg of packages) equal(await store.put(pkg, limits, NOW), 'stored')
    const [oldest, ...others] = packages
    same(await idsOf(store, alice), others.map(({ id }) => id).sort())
    if (oldest) equal(await store.put(oldest, limits, NOW), 'spent')
  })

  it('evicts the oldest, in whatever order they came', async (store) => {
    const limits: StockLimits = { ...LIMITS, max: 3, overflow: 'evict-oldest' }
    const [first, oldest, third, last] = [2, 4, 3, 1].map((age) =>
      packageNamed(`${age}`, alice, { createdAt: NOW - age * HOUR }),
    )
    for (const pkg of [first, oldest, third, last])
      if (pkg) equal(await store.put(pkg, limits, NOW), 'stored')
    equal((await idsOf(store, alice)).includes(oldest?.id ?? ''), false)
  })

  it('keeps the newest package of a slot, and spends older ones, also one that comes later (I3)', async (store) => {
    const older = slotNamed('older', alice, 'phone', { createdAt: NOW - 2 * HOUR })
    const newer = slotNamed('newer', alice, 'phone', { createdAt: NOW - HOUR })
    equal(await store.put(older, LIMITS, NOW), 'stored')
    equal(await store.put(newer, LIMITS, NOW), 'replaced')
    same(await idsOf(store, alice), [newer.id])
    equal(await store.put(older, LIMITS, NOW), 'spent')
    const oldest = slotNamed('oldest', alice, 'phone', { createdAt: NOW - 3 * HOUR })
    equal(await store.put(oldest, LIMITS, NOW), 'stale')
    await store.drop(alice, deletionOf({ everything: true, createdUntil: NOW }), NOW)
    equal(await store.put(oldest, LIMITS, NOW), 'spent')
  })

  it('keeps the lowest id of two packages of a slot that are equally new', async (store) => {
    const [low, high] = [slotNamed('a', alice, 'phone'), slotNamed('b', alice, 'phone')].sort((a, b) =>
      a.id < b.id ? -1 : 1,
    )
    if (low === undefined || high === undefined) return
    equal(await store.put(high, LIMITS, NOW), 'stored')
    equal(await store.put(low, LIMITS, NOW), 'replaced')
    same(await idsOf(store, alice), [low.id])
  })

  it('counts slots apart from other packages', async (store) => {
    const limits: StockLimits = { ...LIMITS, max: 1 }
    equal(await store.put(packageNamed('one', alice), limits, NOW), 'stored')
    equal(await store.put(slotNamed('phone', alice, 'phone'), limits, NOW), 'stored')
    equal(await store.put(slotNamed('desk', alice, 'desk'), limits, NOW), 'full')
    equal(await store.put(packageNamed('two', alice), limits, NOW), 'full')
  })

  it('keeps authors apart', async (store) => {
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    await store.put(packageNamed('two', bob), LIMITS, NOW)
    same(await store.count([bob, alice], NOW), [1, 1])
    same(await store.stats(), { authors: 2, packages: 2 })
  })

  itTells('tells its listeners of every new package, once, until they are removed', async (store) => {
    const heard: [Pubkey, EventId][] = []
    const stop = store.onPublished((author, id) => heard.push([author, id]))
    const [older, newer] = [HOUR, 0].map((age) =>
      slotNamed(`${age}`, alice, 'phone', { createdAt: NOW - HOUR - age }),
    )
    const one = packageNamed('one', bob)
    if (older === undefined || newer === undefined) return
    for (const pkg of [older, newer, older, one, one]) await store.put(pkg, LIMITS, NOW)
    same(heard, [
      [alice, older.id],
      [alice, newer.id],
      [bob, one.id],
    ])
    stop()
    await store.put(packageNamed('two', bob), LIMITS, NOW)
    equal(heard.length, 3)
  })

  it('limits how many packages an author publishes, known ones not counted (I5)', async (store) => {
    const limits: StockLimits = { ...LIMITS, publish: { max: 2, windowSeconds: HOUR } }
    const packages = ['one', 'two', 'three'].map((name) => packageNamed(name, alice))
    const [first, second, third] = packages
    if (first === undefined || second === undefined || third === undefined) return
    equal(await store.put(first, limits, NOW), 'stored')
    equal(await store.put(first, limits, NOW), 'duplicate')
    equal(await store.put(second, limits, NOW + 10), 'stored')
    equal(await store.put(third, limits, NOW + 20), 'limited')
    equal(await store.put(packageNamed('four', bob), limits, NOW + 20), 'stored')
    equal(await store.put(third, limits, NOW + HOUR), 'stored')
  })

  it('counts only stored packages towards the publish quota (I5)', async (store) => {
    const limits: StockLimits = { ...LIMITS, max: 2, publish: { max: 4, windowSeconds: HOUR } }
    const put = (pkg: StoredKeyPackage) => store.put(pkg, limits, NOW)
    const one = packageNamed('one', alice, { createdAt: NOW - DAY })
    equal(await put(one), 'stored')
    equal(await put(packageNamed('two', alice)), 'stored')
    equal(await put(slotNamed('newer', alice, 'phone')), 'stored')
    for (const turn of [1, 2, 3, 4, 5]) {
      equal(await put(packageNamed(`too many ${turn}`, alice)), 'full')
      equal(await put(slotNamed(`${turn}`, alice, 'phone', { createdAt: NOW - turn * DAY })), 'stale')
      equal(await put(one), 'duplicate')
    }
    await store.claim([claimBy('carol', alice, { narrowings: [{ kinds: [443] }] })], POLICY, NOW)
    for (let turn = 0; turn < 5; turn++) equal(await put(one), 'spent')
    equal(await put(packageNamed('three', alice)), 'stored')
    await store.claim([claimBy('dave', alice, { narrowings: [{ kinds: [443] }] })], POLICY, NOW)
    equal(await put(packageNamed('four', alice)), 'limited')
  })

  it('counts packages older than their slot as well where the author alone can have sent them (I5, I9)', async (store) => {
    const limits: StockLimits = { ...LIMITS, publish: { max: 2, windowSeconds: HOUR }, counts: 'stale too' }
    equal(await store.put(slotNamed('newest', alice, 'phone'), limits, NOW), 'stored')
    const [older, oldest] = [1, 2].map((days) =>
      slotNamed(`${days}`, alice, 'phone', { createdAt: NOW - days * DAY }),
    )
    if (older === undefined || oldest === undefined) return
    equal(await store.put(older, limits, NOW), 'stale')
    equal(await store.put(older, limits, NOW), 'spent')
    equal(await store.put(oldest, limits, NOW), 'limited')
    equal(await store.put(oldest, { ...LIMITS, publish: { max: 2, windowSeconds: HOUR } }, NOW), 'stale')
  })

  it('answers limited only if the package would have been stored, and changes nothing then (I5)', async (store) => {
    const limits: StockLimits = { ...LIMITS, max: 1, publish: { max: 2, windowSeconds: HOUR } }
    const one = packageNamed('one', alice)
    const slot = slotNamed('slot', alice, 'phone')
    equal(await store.put(one, limits, NOW), 'stored')
    equal(await store.put(slot, limits, NOW), 'stored')
    equal(await store.put(one, limits, NOW), 'duplicate')
    equal(await store.put(packageNamed('two', alice), limits, NOW), 'full')
    equal(await store.put(slotNamed('old', alice, 'phone', { createdAt: NOW - DAY }), limits, NOW), 'stale')
    const newer = slotNamed('newer', alice, 'phone', { createdAt: NOW + 1 })
    equal(await store.put(newer, limits, NOW), 'limited')
    equal(
      await store.put(packageNamed('two', alice), { ...limits, overflow: 'evict-oldest' }, NOW),
      'limited',
    )
    same(await idsOf(store, alice), [one.id, slot.id].sort())
    equal(await store.put(newer, limits, NOW + HOUR), 'replaced')
  })

  it('never lets concurrent puts exceed the publish quota (I5)', async (store) => {
    const limits: StockLimits = { ...LIMITS, publish: { max: 5, windowSeconds: HOUR } }
    const packages = Array.from({ length: 10 }, (_, index) => packageNamed(`${index}`, alice))
    const outcomes = await Promise.all(packages.map((pkg) => store.put(pkg, limits, NOW)))
    equal(outcomes.filter((outcome) => outcome === 'stored').length, 5)
    equal(outcomes.filter((outcome) => outcome === 'limited').length, 5)
  })
}
