/** Slots: how many, in which order and how often they are handed out, and how they make room for each other. */

import { equal } from 'node:assert/strict'
import type { Claim, ClaimPolicy, LimitedClaim } from '../../plugin/store.ts'
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
import { deliveredIds, idsOf } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const ONCE: ClaimPolicy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
const SLOTS_ALONE: Partial<Claim> = { narrowings: [{ kinds: [30443] }] }
const LIMITED: LimitedClaim = { outcome: 'limited', by: 'perRequester', retryAfterSeconds: 7 }

/** Newest first. */
const slots = ['phone', 'desk', 'tablet'].map((name, age) =>
  slotNamed(name, alice, name, { createdAt: NOW - HOUR - age }),
)
const ids = slots.map(({ id }) => id)

export function describeSlots(it: Specify): void {
  it('delivers the newest slots first, and no more than are asked for', async (store) => {
    for (const pkg of slots.toReversed()) await store.put(pkg, LIMITS, NOW)
    for (const kinds of [[30443], [443, 30443]]) {
      for (const maxSlots of [1, 2, 3, 50, undefined]) {
        const overrides = { narrowings: [{ kinds }], ...(maxSlots !== undefined && { maxSlots }) }
        const outcomes = await store.claim([claimBy('bob', alice, overrides)], POLICY, NOW)
        same(deliveredIds(outcomes), ids.slice(0, maxSlots))
      }
    }
  })

  it('delivers a one-time package only if no slot matches', async (store) => {
    for (const pkg of [...slots, packageNamed('one', alice)]) await store.put(pkg, LIMITS, NOW)
    same(deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW)), ids)
    const narrowings = [{ kinds: [30443], tags: [['d', ['other']]] as const }, { kinds: [443] }]
    const one = await store.claim([claimBy('bob', alice, { narrowings })], POLICY, NOW)
    same(deliveredIds(one), [packageNamed('one', alice).id])
  })

  it("does not count claims for slots alone in the author's windows", async (store) => {
    for (const pkg of slots) await store.put(pkg, LIMITS, NOW)
    for (let turn = 0; turn < 3; turn++)
      same(deliveredIds(await store.claim([claimBy('bob', alice, SLOTS_ALONE)], ONCE, NOW)), ids)
    equal((await store.claim([claimBy('bob', alice)], ONCE, NOW))[0]?.outcome, 'delivered')
    equal((await store.claim([claimBy('bob', alice)], ONCE, NOW))[0]?.outcome, 'limited')
    same(deliveredIds(await store.claim([claimBy('bob', alice, SLOTS_ALONE)], ONCE, NOW)), ids)
  })

  it('delivers what the requester has seen without counting it, also when a quota is used up', async (store) => {
    for (const pkg of slots) await store.put(pkg, LIMITS, NOW)
    await store.claim([claimBy('bob', alice)], ONCE, NOW)
    for (const overrides of [{ seen: ids }, { seen: ids, limited: LIMITED }]) {
      const [outcome] = await store.claim([claimBy('bob', alice, overrides)], ONCE, NOW)
      same(deliveredIds(outcome ? [outcome] : []), ids)
      equal(outcome?.outcome === 'delivered' && outcome.counted, false)
    }
    const [unseen] = await store.claim([claimBy('bob', alice, { seen: ids.slice(1) })], ONCE, NOW)
    equal(unseen?.outcome, 'limited')
    const [carols] = await store.claim([claimBy('carol', alice)], ONCE, NOW)
    equal(carols?.outcome === 'delivered' && carols.counted, true)
  })

  it('answers as it is told if a quota over all authors is used up, and not everything was seen', async (store) => {
    for (const pkg of [...slots, packageNamed('one', alice)]) await store.put(pkg, LIMITS, NOW)
    for (const overrides of [{ seen: ids.slice(1) }, {}, { narrowings: [{ kinds: [443] }] }]) {
      const claim = claimBy('bob', alice, { ...overrides, limited: LIMITED })
      same(await store.claim([claim], POLICY, NOW), [LIMITED])
    }
    const unknown = claimBy('bob', authorNamed('nobody'), { limited: LIMITED })
    same(await store.claim([unknown], POLICY, NOW), [LIMITED])
    equal((await idsOf(store, alice)).length, 4)
  })

  it('lets the oldest slot make room for a newer one, which may come back', async (store) => {
    const limits = { ...LIMITS, max: 2 }
    const [newest, middle, oldest] = slots
    if (newest === undefined || middle === undefined || oldest === undefined) return
    for (const pkg of [middle, oldest]) equal(await store.put(pkg, limits, NOW), 'stored')
    equal(await store.put(newest, limits, NOW), 'stored')
    same(await idsOf(store, alice), [newest.id, middle.id].sort())
    equal(await store.put(oldest, limits, NOW), 'full')
    await store.drop(alice, deletionOf({ ids: [middle.id] }), NOW)
    equal(await store.put(oldest, limits, NOW), 'stored')
  })

  it('replaces an event of a slot by a newer one with the same KeyPackage', async (store) => {
    const [older] = slots
    if (older === undefined) return
    const newer = { ...slotNamed('newer', alice, 'phone', { createdAt: NOW }), ref: older.ref }
    equal(await store.put(older, LIMITS, NOW), 'stored')
    equal(await store.put(newer, LIMITS, NOW), 'replaced')
    equal(await store.put(older, LIMITS, NOW), 'spent')
    same(await idsOf(store, alice), [newer.id])
  })

  it('takes back a KeyPackage into its own slot, but into no other', async (store) => {
    const [first] = slots
    if (first === undefined) return
    const second = slotNamed('second', alice, 'phone', { createdAt: NOW })
    const third = { ...slotNamed('third', alice, 'phone', { createdAt: NOW + 1 }), ref: first.ref }
    for (const pkg of [first, second]) await store.put(pkg, LIMITS, NOW)
    equal(await store.put({ ...slotNamed('other', alice, 'desk'), ref: first.ref }, LIMITS, NOW), 'spent')
    equal(await store.put(third, LIMITS, NOW), 'replaced')
  })

  it('never shortens the time for which a KeyPackage is remembered', async (store) => {
    const [older] = slots
    if (older === undefined) return
    const newer = slotNamed('newer', alice, 'phone', { createdAt: NOW, expiresAt: NOW + HOUR })
    await store.put(older, LIMITS, NOW)
    await store.put({ ...newer, ref: older.ref }, LIMITS, NOW)
    await store.sweep(NOW + DAY, 600)
    const again = { ...slotNamed('again', alice, 'desk', { createdAt: NOW }), ref: older.ref }
    equal(await store.put(again, LIMITS, NOW + DAY), 'spent')
  })
}
