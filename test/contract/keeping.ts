/** Deleting, sweeping, totals and closing. */

import { equal, fail, rejects } from 'node:assert/strict'
import type { DropOutcome } from '../../plugin/store.ts'
import { listOf } from './follow-lists.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  deletionOf,
  HOUR,
  hex,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  relayListOf,
  slotNamed,
} from './packages.ts'
import { allOf, deliveredIds, idsOf } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')

export function describeKeeping(it: Specify): void {
  describeListing(it)
  describeDropping(it)
  describeSweeping(it)

  it('rejects every call once it is closed, and may be closed again', async (store) => {
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    const listed = await store.list(alice, NOW)
    await store.close()
    await store.close()
    const calls: (() => Promise<unknown>)[] = [
      ...listed.map(({ read }) => read),
      () => store.put(packageNamed('two', alice), LIMITS, NOW),
      () => store.claim([claimBy('bob', alice)], POLICY, NOW),
      () => store.list(alice, NOW),
      () => store.count([alice], NOW),
      () => store.drop(alice, deletionOf({ ids: [] }), NOW),
      () => store.release(alice, [], NOW),
      () => store.sweep(NOW, 0),
      () => store.hit('key', 1, { max: 1, windowSeconds: 1 }, NOW),
      () => store.refund('key', 1, { max: 1, windowSeconds: 1 }, NOW),
      () => store.putRelayList(relayListOf(alice, NOW), NOW),
      () => store.getRelayLists([alice], [10051]),
      () => store.dropRelayLists(alice, [10051], NOW),
      () => store.putFollowList(listOf([bob])),
      () => store.follows(alice, [bob]),
      () => store.dropFollowLists(alice, { kinds: [3], ids: [], createdUntil: NOW }),
      () => store.putInformation('name', 'Keys'),
      () => store.information(),
      () => store.stats(),
      () => store.keepUrl('wss://keys.example/'),
      () => store.changeUrl('wss://keys.example/'),
      () => store.rank(alice, new Map(), NOW),
      () => allOf(store.authors()),
    ]
    for (const call of calls) await rejects(call)
  })

  it('finishes pending calls when it closes', async (store) => {
    const puts = Array.from({ length: 20 }, (_, index) =>
      store.put(packageNamed(`${index}`, bob), LIMITS, NOW),
    )
    await store.close()
    const outcomes = await Promise.all(puts)
    equal(outcomes.filter((outcome) => outcome === 'stored').length, LIMITS.max)
  })
}

function describeDropping(it: Specify): void {
  it("deletes an author's packages by id, which are spent then (I3)", async (store) => {
    const [mine, other] = [packageNamed('mine', alice), packageNamed('other', alice)]
    for (const pkg of [mine, other]) await store.put(pkg, LIMITS, NOW)
    await store.put(packageNamed('theirs', bob), LIMITS, NOW)
    const ids = [mine.id, packageNamed('theirs', bob).id, hex('made up')]
    same(await store.drop(alice, deletionOf({ ids }), NOW), deleted(1))
    same(await store.drop(alice, deletionOf({ ids }), NOW), deleted(0))
    equal(await store.put(mine, LIMITS, NOW), 'spent')
    same(await idsOf(store, alice), [other.id])
    same(await store.count([bob], NOW), [1])
  })

  it('deletes packages of a slot that are not newer than the deletion', async (store) => {
    const phone = slotNamed('phone', alice, 'phone', { createdAt: NOW - 10 })
    const desk = slotNamed('desk', alice, 'desk', { createdAt: NOW - 10 })
    for (const pkg of [phone, desk, packageNamed('one', alice)]) await store.put(pkg, LIMITS, NOW)
    same(await store.drop(alice, deletionOf({ slots: ['phone'], createdUntil: NOW - 11 }), NOW), deleted(0))
    same(await store.drop(alice, deletionOf({ slots: ['phone'], createdUntil: NOW - 10 }), NOW), deleted(1))
    same(await store.count([alice], NOW), [2])
  })

  it('deletes all packages of an author that are not newer than the deletion', async (store) => {
    await store.put(packageNamed('old', alice, { createdAt: NOW - 10 }), LIMITS, NOW)
    await store.put(slotNamed('slot', alice, 'phone', { createdAt: NOW - 10 }), LIMITS, NOW)
    const newer = packageNamed('new', alice, { createdAt: NOW - 5 })
    await store.put(newer, LIMITS, NOW)
    same(await store.drop(alice, deletionOf({ everything: true, createdUntil: NOW - 6 }), NOW), deleted(2))
    same(await idsOf(store, alice), [newer.id])
    const all = deletionOf({ everything: true })
    same(await store.drop(authorNamed('nobody'), all, NOW), deleted(0))
  })
}

function deleted(count: number): DropOutcome {
  return { outcome: 'deleted', count }
}

function describeListing(it: Specify): void {
  it('lists packages without their events, each of which is read by itself', async (store) => {
    const { event, contentForm, ...pkg } = packageNamed('one', alice)
    await store.put({ event, contentForm, ...pkg }, LIMITS, NOW)
    const [listed] = await store.list(alice, NOW)
    if (listed === undefined) return fail('the package is there')
    const { read, ...header } = listed
    same(header, { ...pkg, receivedAt: NOW })
    same(await read(), { event, contentForm })
    same(await read(), { event, contentForm })
  })

  it('reads no other package in place of one that has left since it was listed', async (store) => {
    const { event, contentForm, ...pkg } = packageNamed('one', alice)
    await store.put({ event, contentForm, ...pkg }, LIMITS, NOW)
    const [listed] = await store.list(alice, NOW)
    await store.drop(alice, deletionOf({ everything: true, keptUntil: 0 }), NOW)
    await store.put(packageNamed('two', alice), LIMITS, NOW)
    const stored = await listed?.read()
    if (stored !== undefined) same(stored, { event, contentForm })
  })
}

function describeSweeping(it: Specify): void {
  it('removes expired packages, and forgets it', async (store) => {
    const short = packageNamed('short', alice, { expiresAt: NOW + HOUR })
    const long = packageNamed('long', alice, { expiresAt: NOW + DAY })
    for (const pkg of [short, long]) await store.put(pkg, LIMITS, NOW)
    equal(await store.sweep(NOW + HOUR - 1, 600), 0)
    same(await store.stats(), { authors: 1, packages: 2 })
    equal(await store.sweep(NOW + HOUR, 600), 1)
    equal(await store.sweep(NOW + HOUR, 600), 0)
    same(await store.stats(), { authors: 1, packages: 1 })
    equal(await store.sweep(NOW + DAY, 600), 1)
    same(await store.stats(), { authors: 0, packages: 0 })
  })

  it('remembers a KeyPackage for as long as the last event that brought it (I3)', async (store) => {
    const short = packageNamed('short', alice, { expiresAt: NOW + HOUR })
    const long = { ...packageNamed('long', alice), ref: short.ref }
    await store.put(short, LIMITS, NOW)
    await store.put(long, LIMITS, NOW + HOUR)
    await store.drop(alice, deletionOf({ ids: [long.id] }), NOW + HOUR)
    await store.sweep(NOW + DAY, 600)
    equal(await store.put({ ...packageNamed('third', alice), ref: short.ref }, LIMITS, NOW + DAY), 'spent')
  })

  it('sweeps any number of authors', async (store) => {
    const authors = Array.from({ length: 350 }, (_, index) => authorNamed(`${index}`))
    const packages = authors.map((author) => packageNamed(`of ${author}`, author, { expiresAt: NOW + HOUR }))
    await Promise.all(packages.map((pkg) => store.put(pkg, LIMITS, NOW)))
    await store.put(packageNamed('long', alice), LIMITS, NOW)
    equal(await store.sweep(NOW + HOUR, 600), 350)
    same(await store.stats(), { authors: 1, packages: 1 })
  })

  it('retires an exposed package some time after its exposure, once there are two fresh ones', async (store) => {
    const exposed = packageNamed('exposed', alice)
    await store.put(exposed, LIMITS, NOW)
    await store.claim([claimBy('bob', alice)], POLICY, NOW)
    await store.put(packageNamed('fresh 1', alice), LIMITS, NOW + 10)
    equal(await store.sweep(NOW + 600, 600), 0)
    await store.put(packageNamed('fresh 2', alice), LIMITS, NOW + 20)
    equal(await store.sweep(NOW + 599, 600), 0)
    equal(await store.sweep(NOW + 600, 600), 1)
    equal((await idsOf(store, alice)).includes(exposed.id), false)
    equal(await store.put(exposed, LIMITS, NOW + 600), 'spent')
  })

  it('retires again, hours after it retired before', async (store) => {
    for (const hours of [0, 3, 6]) {
      const start = NOW + hours * HOUR
      const [exposed, ...fresh] = ['a', 'b', 'c'].map((name) => packageNamed(`${name} ${hours}`, alice))
      if (exposed === undefined) return
      await store.put(exposed, LIMITS, start)
      await store.claim([claimBy('bob', alice)], POLICY, start)
      for (const pkg of fresh) await store.put(pkg, LIMITS, start + 1)
      equal(await store.sweep(start + 599, 600), 0)
      equal(await store.sweep(start + 600, 600), 1)
      await store.drop(alice, deletionOf({ everything: true, keptUntil: 0 }), start + 600)
      await store.sweep(start + 2 * HOUR, 600)
    }
  })

  it('does not forget a claim that can still be released', async (store) => {
    for (const name of ['one', 'two']) await store.put(packageNamed(name, alice), LIMITS, NOW)
    const ids = deliveredIds(await store.claim([claimBy('bob', alice)], POLICY, NOW))
    await store.sweep(NOW + 5, 600)
    await store.release(alice, ids, NOW + 5)
    same(await store.count([alice], NOW + 5), [2])
  })
}
