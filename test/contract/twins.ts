/** One KeyPackage in a kind 443 and a kind 30443 event: the first is an alias of the slot, and no one-time package. */

import { equal } from 'node:assert/strict'
import type { Claim, KeyPackageStore, StoredKeyPackage } from '../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  deletionOf,
  HOUR,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  slotNamed,
} from './packages.ts'
import { deliveredIds, idsOf } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const ONE_TIME: Partial<Claim> = { narrowings: [{ kinds: [443] }], maximum: 2 }

/** A slot, and the same KeyPackage in a kind 443 event. */
const slot = slotNamed('twin', alice, 'phone')
const twin: StoredKeyPackage = { ...packageNamed('twin in 443', alice), ref: slot.ref }

export function describeTwins(it: Specify): void {
  for (const [order, first, second] of [
    ['the slot first', slot, twin],
    ['the slot last', twin, slot],
  ] as const) {
    it(`keeps both twins, and hands out each to who asks for its kind, again and again: ${order}`, async (store) => {
      for (const pkg of [first, second]) equal(await store.put(pkg, LIMITS, NOW), 'stored')
      same(await idsOf(store, alice), [slot.id, twin.id].sort())
      for (const requester of ['bob', 'carol', 'bob']) {
        same(await claimed(store, requester, ONE_TIME), [twin.id])
        same(await claimed(store, requester, { narrowings: [{ kinds: [30443] }] }), [slot.id])
        same(await claimed(store, requester), [slot.id])
      }
      same(await store.count([alice], NOW), [1])
      same(await store.stats(), { authors: 1, packages: 1 })
      equal(await store.put(twin, LIMITS, NOW), 'duplicate')
      equal(await store.put(slot, LIMITS, NOW), 'duplicate')
    })
  }

  it('hands out a twin after real one-time packages, and never beside one', async (store) => {
    const real = packageNamed('real', alice, { createdAt: NOW })
    for (const pkg of [slot, twin, real]) await store.put(pkg, LIMITS, NOW)
    same(await claimed(store, 'bob', ONE_TIME), [real.id])
    // It is the last one-time package, so it stays (I2).
    same(await claimed(store, 'carol', ONE_TIME), [real.id])
    same(await claimed(store, 'carol', { narrowings: [{ kinds: [443], ids: [twin.id] }] }), [twin.id])
  })

  it('does not count a twin as stock', async (store) => {
    const limits = { ...LIMITS, max: 1 }
    for (const pkg of [slot, twin]) equal(await store.put(pkg, limits, NOW), 'stored')
    equal(await store.put(packageNamed('real', alice), limits, NOW), 'stored')
    equal(await store.put(packageNamed('another', alice), limits, NOW), 'full')
  })

  it('takes in a slot whose twin was claimed before, also with its event if that was recent', async (store) => {
    await store.put(packageNamed('real', alice, { createdAt: NOW }), LIMITS, NOW)
    await store.put(twin, LIMITS, NOW)
    same(await claimed(store, 'bob', { narrowings: [{ kinds: [443] }] }), [twin.id])
    equal(await store.put(slot, LIMITS, NOW + 1), 'stored')
    equal((await idsOf(store, alice)).includes(twin.id), true)
    await store.release(alice, [twin.id], NOW + 1)
    same(await store.count([alice], NOW + 1), [2])
  })

  it('takes in a slot whose twin was claimed long before, but not the twin again (I3)', async (store) => {
    await store.put(packageNamed('real', alice, { createdAt: NOW }), LIMITS, NOW)
    await store.put(twin, LIMITS, NOW)
    same(await claimed(store, 'bob', { narrowings: [{ kinds: [443] }] }), [twin.id])
    equal(await store.put(slot, LIMITS, NOW + HOUR), 'stored')
    equal(await store.put(twin, LIMITS, NOW + HOUR), 'spent')
    equal((await idsOf(store, alice, NOW + HOUR)).includes(twin.id), false)
  })

  it('keeps a twin when its slot gets a newer event with the same KeyPackage', async (store) => {
    const newer = { ...slotNamed('newer', alice, 'phone', { createdAt: NOW }), ref: slot.ref }
    for (const pkg of [slot, twin]) await store.put(pkg, LIMITS, NOW)
    equal(await store.put(newer, LIMITS, NOW), 'replaced')
    same(await idsOf(store, alice), [newer.id, twin.id].sort())
  })

  it('spends a twin with the package of its slot, for good (I3)', async (store) => {
    const rotated = slotNamed('rotated', alice, 'phone', { createdAt: NOW })
    for (const pkg of [slot, twin]) await store.put(pkg, LIMITS, NOW)
    equal(await store.put(rotated, LIMITS, NOW), 'replaced')
    same(await idsOf(store, alice), [rotated.id])
    equal(await store.put(twin, LIMITS, NOW), 'spent')
    equal(await store.put({ ...packageNamed('copy', alice), ref: slot.ref }, LIMITS, NOW), 'spent')
    const elsewhere = { ...slotNamed('elsewhere', alice, 'desk'), ref: slot.ref }
    equal(await store.put(elsewhere, LIMITS, NOW), 'spent')
  })

  it('deletes by id what is named, and with a slot its twin', async (store) => {
    for (const pkg of [slot, twin]) await store.put(pkg, LIMITS, NOW)
    same(await store.drop(alice, deletionOf({ ids: [twin.id] }), NOW), { outcome: 'deleted', count: 1 })
    same(await idsOf(store, alice), [slot.id])

    const [otherSlot, otherTwin] = [slotNamed('other', alice, 'desk'), packageNamed('other twin', alice)]
    for (const pkg of [otherSlot, { ...otherTwin, ref: otherSlot.ref }]) await store.put(pkg, LIMITS, NOW)
    same(await store.drop(alice, deletionOf({ ids: [otherSlot.id] }), NOW), { outcome: 'deleted', count: 2 })
    same(await idsOf(store, alice), [slot.id])
    const again = { ...slotNamed('again', alice, 'desk', { createdAt: NOW }), ref: otherSlot.ref }
    equal(await store.put(again, LIMITS, NOW), 'spent')
  })

  it('takes no second event of a kind for a KeyPackage', async (store) => {
    for (const pkg of [slot, twin]) await store.put(pkg, LIMITS, NOW)
    const copies = [packageNamed('copy', alice), slotNamed('copy in a slot', alice, 'desk')]
    for (const pkg of copies) equal(await store.put({ ...pkg, ref: slot.ref }, LIMITS, NOW), 'duplicate')
  })
}

async function claimed(
  store: KeyPackageStore,
  requester: string,
  overrides: Partial<Claim> = {},
): Promise<string[]> {
  return deliveredIds(await store.claim([claimBy(requester, alice, overrides)], POLICY, NOW))
}
