/** Claims that are released because nothing was sent, and claims that are repeated. */

import { equal } from 'node:assert/strict'
import type { ClaimPolicy, KeyPackageStore, Narrowing } from '../../plugin/store.ts'
import { authorNamed, claimBy, deletionOf, HOUR, LIMITS, NOW, POLICY, packageNamed } from './packages.ts'
import { deliveredIds, idsOf, storedPackages } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const REDELIVERING: ClaimPolicy = { ...POLICY, redeliverySeconds: 60 }

export function describeReleasing(it: Specify): void {
  it('puts a released package back, with its event and fresh', async (store) => {
    await publish(store, 'one', 'two')
    const before = await storedPackages(store, alice)
    const ids = deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW))
    await store.release(alice, ids, NOW + 1)
    same(
      (await storedPackages(store, alice, NOW + 1)).sort((a, b) => (a.id < b.id ? -1 : 1)),
      before.sort((a, b) => (a.id < b.id ? -1 : 1)),
    )
    same(deliveredIds(await store.claim([claimBy('carol', alice)], POLICY, NOW + 1)), ids)
  })

  it('makes a released last package fresh again', async (store) => {
    const [only] = await publish(store, 'one')
    await store.claim([claimBy('bob', alice)], POLICY, NOW)
    await store.release(alice, only ? [only] : [], NOW)
    await publish(store, 'two')
    await store.claim([claimBy('carol', alice)], POLICY, NOW)
    await publish(store, 'three')
    same(new Set(await idsOf(store, alice)).has(only ?? ''), false)
  })

  it('still counts a released claim towards the quota', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    await publish(store, 'one', 'two')
    await store.release(alice, deliveredIds(await store.claim([claimBy('bob', alice)], policy, NOW)), NOW)
    equal((await store.claim([claimBy('bob', alice)], policy, NOW))[0]?.outcome, 'limited')
  })

  it('gives back what a claim counted, if asked to (I10)', async (store) => {
    const policy: ClaimPolicy = {
      ...REDELIVERING,
      perAuthor: { max: 2, windowSeconds: HOUR },
      perAddress: { max: 2, windowSeconds: HOUR },
    }
    const before = await publish(store, 'one', 'two', 'three')
    const claim = claimBy('bob', alice)
    const claimNow = async (at: number) => (await store.claim([claim], policy, at))[0]
    await claimNow(NOW)
    const second = await claimNow(NOW + 1)
    equal((await claimNow(NOW + 2))?.outcome, 'limited')
    const { requester, address } = claim
    for (const at of [NOW + 1, NOW]) {
      const ids = deliveredIds(second ? [second] : [])
      await store.release(alice, ids, NOW + 3, { requester, address, policy, freshTaken: 1, at })
    }
    same(await idsOf(store, alice, NOW + 3), before)
    for (const at of [NOW + 4, NOW + 5]) equal((await claimNow(at))?.outcome, 'delivered')
    equal((await claimNow(NOW + 6))?.outcome, 'limited')
  })

  it("gives nothing back of other requesters' claims, nor of later ones (I5)", async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAddress: { max: 3, windowSeconds: HOUR } }
    await publish(store, 'one', 'two', 'three')
    const ask = async (requester: string, at: number) =>
      (await store.claim([claimBy(requester, alice, { address: 'shared' })], policy, at))[0]
    const first = await ask('bob', NOW)
    for (const at of [NOW + 1, NOW + 2]) await ask('carol', at)
    const counted = { requester: 'bob', address: 'shared', policy, freshTaken: 1, at: NOW }
    for (let turn = 0; turn < 3; turn++)
      await store.release(alice, deliveredIds(first ? [first] : []), NOW + 3, counted)
    equal((await ask('dave', NOW + 3))?.outcome, 'delivered')
    equal((await ask('erin', NOW + 3))?.outcome, 'limited')
  })

  it('repeats a claim to its recipient only, if that is not the requester (I1)', async (store) => {
    await publish(store, 'one', 'two', 'three')
    const ask = async (recipient: string) =>
      deliveredIds(await store.claim([claimBy('192.0.2.1', alice, { recipient })], REDELIVERING, NOW))
    const first = await ask('connection 1')
    const second = await ask('connection 2')
    equal(second.includes(first[0] ?? ''), false)
    same(await ask('connection 1'), first)
    same(await ask('connection 2'), second)
    same(await store.count([alice], NOW), [1])
  })

  it('repeats a claim that the requester made under a former name', async (store) => {
    await publish(store, 'one', 'two', 'three')
    const unnamed = claimBy('192.0.2.1', alice, { recipient: 'connection 1' })
    const first = deliveredIds(await store.claim([unnamed], REDELIVERING, NOW))
    const renamed = claimBy('bob', alice, { formerly: 'connection 1' })
    same(deliveredIds(await store.claim([renamed], REDELIVERING, NOW + 1)), first)
    same(deliveredIds(await store.claim([claimBy('bob', alice)], REDELIVERING, NOW + 2)), first)
    const [carols] = deliveredIds(await store.claim([claimBy('carol', alice)], REDELIVERING, NOW + 2))
    equal(first.includes(carols ?? ''), false)
  })

  it('gives no other one-time package to a requester whose filter does not match what can be repeated', async (store) => {
    const ids = await publish(store, 'one', 'two', 'three')
    const [first = ''] = deliveredIds(await store.claim([claimBy('bob', alice)], REDELIVERING, NOW))
    const others = claimBy('bob', alice, {
      narrowings: [{ kinds: [443], ids: ids.filter((id) => id !== first) }],
    })
    same(await store.claim([others], REDELIVERING, NOW + 1), [{ outcome: 'none' }])
    equal(deliveredIds(await store.claim([others], REDELIVERING, NOW + 60)).length, 1)
  })

  it('does not release what was not claimed, nor twice, nor of an unknown author', async (store) => {
    const ids = await publish(store, 'one', 'two')
    await store.release(alice, ids, NOW)
    await store.release(authorNamed('nobody'), ids, NOW)
    const claimed = deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW))
    await store.release(alice, claimed, NOW)
    await store.release(alice, claimed, NOW)
    same(await idsOf(store, alice), ids)
    same(await store.stats(), { authors: 1, packages: 2 })
  })

  it('does not bring back what was deleted or expired meanwhile (I3)', async (store) => {
    await publish(store, 'one', 'two', 'three')
    const [deleted = ''] = deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW))
    await store.drop(alice, deletionOf({ ids: [deleted] }), NOW)
    await store.release(alice, [deleted], NOW)
    equal((await idsOf(store, alice)).includes(deleted), false)

    const expiring = packageNamed('expiring', alice, { createdAt: NOW - 2 * HOUR, expiresAt: NOW + 30 })
    await store.put(expiring, LIMITS, NOW)
    same(deliveredIds(await store.claim([claimBy('carol', alice)], POLICY, NOW)), [expiring.id])
    await store.release(alice, [expiring.id], NOW + 30)
    equal((await idsOf(store, alice, NOW + 30)).includes(expiring.id), false)
    equal(await store.sweep(NOW + 30, 600), 0)
  })

  it('repeats a claim to the same requester within redeliverySeconds, spending nothing', async (store) => {
    await publish(store, 'one', 'two', 'three')
    const ask = async (requester: string, now: number) =>
      deliveredIds(await store.claim([claimBy(requester, alice)], REDELIVERING, now))
    const first = await ask('bob', NOW)
    same(await ask('bob', NOW + 59), first)
    same(await store.count([alice], NOW + 59), [2])
    equal((await ask('carol', NOW + 59)).includes(first[0] ?? ''), false)
    equal((await ask('bob', NOW + 60)).includes(first[0] ?? ''), false)
  })

  it('repeats nothing after redeliverySeconds, even while a claim can still be released', async (store) => {
    await publish(store, 'one', 'two', 'three')
    const policy: ClaimPolicy = { ...POLICY, redeliverySeconds: 10 }
    const ask = async (now: number) => deliveredIds(await store.claim([claimBy('bob', alice)], policy, now))
    const first = await ask(NOW)
    same(await ask(NOW + 9), first)
    equal((await ask(NOW + 10)).includes(first[0] ?? ''), false)
  })

  it('repeats nothing without redelivery, even if the clock was stepped back', async (store) => {
    await publish(store, 'one', 'two', 'three')
    const ask = async (now: number) => deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, now))
    const first = await ask(NOW)
    const second = await ask(NOW - 1)
    const third = await ask(NOW - HOUR)
    equal(new Set([...first, ...second, ...third]).size, 3)
  })

  it('repeats a claim if the clock was stepped back by less than redeliverySeconds, and not by more', async (store) => {
    await publish(store, 'one', 'two', 'three')
    const ask = async (now: number) =>
      deliveredIds(await store.claim([claimBy('bob', alice)], REDELIVERING, now))
    const first = await ask(NOW)
    same(await ask(NOW - 59), first)
    equal((await ask(NOW - 60)).includes(first[0] ?? ''), false)
  })

  it('repeats a claim where it matches the filter, and delivers no other package where it does not', async (store) => {
    const [one = '', two = '', three = ''] = await publish(store, 'one', 'two', 'three')
    const [first = ''] = deliveredIds(await store.claim([claimBy('bob', alice)], REDELIVERING, NOW))
    const others = [one, two, three].filter((id) => id !== first)
    const ask = async (narrowing: Partial<Narrowing>) => {
      const narrowings = [{ kinds: [443], ...narrowing }]
      return deliveredIds(await store.claim([claimBy('bob', alice, { narrowings })], REDELIVERING, NOW))
    }
    same(await ask({ ids: others }), [])
    same(await ask({ since: NOW }), [])
    same(await ask({ ids: [first] }), [first])
    same(await ask({ until: NOW }), [first])
    same(await ask({}), [first])
    same(await store.count([alice], NOW), [2])
  })

  it('repeats no package that has expired since, and hands out another', async (store) => {
    const expiring = packageNamed('expiring', alice, { createdAt: NOW - HOUR, expiresAt: NOW + 30 })
    await store.put(expiring, LIMITS, NOW)
    const others = await publish(store, 'one', 'two', 'three')
    const ask = async (maximum: number, now: number) =>
      deliveredIds(await store.claim([claimBy('bob', alice, { maximum })], REDELIVERING, now))
    same(await ask(1, NOW), [expiring.id])
    same(await ask(1, NOW + 29), [expiring.id])
    const [other = ''] = await ask(1, NOW + 30)
    equal(others.includes(other), true)
  })

  it('repeats what has not expired of several packages, and tells whether one of them is shared', async (store) => {
    const expiring = packageNamed('expiring', alice, { createdAt: NOW - HOUR, expiresAt: NOW + 30 })
    await store.put(expiring, LIMITS, NOW)
    const [only = ''] = await publish(store, 'one')
    const ask = async (now: number, narrowing: Partial<Narrowing> = {}) => {
      const narrowings = [{ kinds: [443], ...narrowing }]
      const request = claimBy('bob', alice, { maximum: 2, narrowings })
      const [outcome] = await store.claim([request], REDELIVERING, now)
      return outcome?.outcome === 'delivered' ? { ...outcome, packages: deliveredIds([outcome]) } : outcome
    }
    const repeated = { outcome: 'delivered', remaining: 0, freshTaken: 0, counted: true }
    same(await ask(NOW), { ...repeated, packages: [expiring.id, only], sharedUsed: true, freshTaken: 2 })
    const ofExpiring = await ask(NOW + 1, { ids: [expiring.id] })
    same(ofExpiring, { ...repeated, packages: [expiring.id], sharedUsed: false })
    same(await ask(NOW + 30), { ...repeated, packages: [only], sharedUsed: true })
    same((await storedPackages(store, alice, NOW + 30))[0]?.exposure, { since: NOW, count: 2 })
  })

  it('counts a repeated claim against the quota (I5)', async (store) => {
    const policy: ClaimPolicy = { ...REDELIVERING, perAuthor: { max: 2, windowSeconds: HOUR } }
    await publish(store, 'one', 'two')
    const outcomes = []
    for (let turn = 0; turn < 3; turn++)
      outcomes.push(...(await store.claim([claimBy('bob', alice)], policy, NOW)))
    same(
      outcomes.map(({ outcome }) => outcome),
      ['delivered', 'delivered', 'limited'],
    )
  })

  it('releases a repeated claim without undoing the first delivery (I1)', async (store) => {
    await publish(store, 'one', 'two')
    const ask = async () => deliveredIds(await store.claim([claimBy('bob', alice)], REDELIVERING, NOW))
    const ids = await ask()
    await ask()
    await store.release(alice, ids, NOW)
    equal((await idsOf(store, alice)).includes(ids[0] ?? ''), false)
    await store.release(alice, ids, NOW)
    equal((await idsOf(store, alice)).includes(ids[0] ?? ''), true)
  })

  it("does not undo a delivery when another requester's claim of the same last package is released (I1)", async (store) => {
    const [last = ''] = await publish(store, 'one')
    await store.claim([claimBy('bob', alice)], REDELIVERING, NOW)
    await publish(store, 'two')
    const ask = async () =>
      deliveredIds(await store.claim([claimBy('carol', alice, { maximum: 2 })], REDELIVERING, NOW))
    const toCarol = await ask()
    same(await ask(), toCarol)
    await store.release(alice, [last], NOW)
    await store.release(alice, toCarol, NOW)
    same(await idsOf(store, alice), [last])
  })

  it('does not repeat a released claim of the last package (I1)', async (store) => {
    const [released] = await publish(store, 'one')
    const ask = async (requester: string) =>
      deliveredIds(await store.claim([claimBy(requester, alice)], REDELIVERING, NOW))
    await store.release(alice, await ask('bob'), NOW)
    await publish(store, 'two', 'three')
    const [toBob] = await ask('bob')
    const [toCarol] = await ask('carol')
    equal(toBob === toCarol, false)
    equal([toBob, toCarol].includes(released), true)
    equal(
      (await storedPackages(store, alice)).some(({ exposure }) => exposure !== undefined),
      false,
    )
  })
}

/** Publishes packages, `one` being the oldest, and returns their ids in order. */
async function publish(
  store: KeyPackageStore,
  ...names: readonly ('one' | 'two' | 'three')[]
): Promise<string[]> {
  const createdAt = { one: NOW - 30, two: NOW - 20, three: NOW - 10 }
  const packages = names.map((name) => packageNamed(name, alice, { createdAt: createdAt[name] }))
  for (const pkg of packages) equal(await store.put(pkg, LIMITS, NOW), 'stored')
  return packages.map(({ id }) => id as string).sort()
}
