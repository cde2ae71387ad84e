/** The order in which packages are delivered, and the store's URL from which it follows. */

import { equal, notEqual } from 'node:assert/strict'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed, slotNamed } from './packages.ts'
import { allOf, deliveredIds, idsOf, storedPackages } from './reading.ts'
import { same } from './same.ts'
import { sharing } from './sharing.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')
const HERE = 'wss://here.example/'
const THERE = 'wss://there.example/'

export function describeRanking(it: Specify): void {
  it('delivers by rank, whatever the age; without a rank last, and those with last_resort after all others', async (store) => {
    const packages = [
      packageNamed('none', alice, { createdAt: NOW - 9 }),
      packageNamed('third', alice, { rank: '2f', createdAt: NOW - 8 }),
      packageNamed('second', alice, { rank: '1a', createdAt: NOW - 7 }),
      packageNamed('last resort', alice, { rank: '00', lastResort: true, createdAt: NOW - 6 }),
      packageNamed('first', alice, { rank: '0c', createdAt: NOW - 5 }),
    ]
    for (const pkg of packages) equal(await store.put(pkg, LIMITS, NOW), 'stored')
    same(await claimAll(store, 5), idsNamed('first', 'second', 'third', 'none', 'last resort'))
  })

  it('delivers in another order after `rank`, and has changed nothing else', async (store) => {
    const packages = ['a', 'b', 'c'].map((name) => packageNamed(name, alice, { rank: `1${name}` }))
    for (const pkg of packages) await store.put(pkg, LIMITS, NOW)
    await store.put(slotNamed('slot', alice, 'phone'), LIMITS, NOW)
    await store.put(packageNamed('of bob', bob, { rank: '1b' }), LIMITS, NOW)
    const before = await unranked(store)
    const ranks = [
      ...packages.map(({ id }, index) => [id, `0${3 - index}`] as const),
      ['other', '00'] as const,
    ]
    await store.rank(alice, new Map(ranks), NOW)
    same(await unranked(store), before)
    same(await store.stats(), { authors: 2, packages: 5 })
    same(await claimAll(store, 3), idsNamed('c', 'b', 'a'))
  })

  it('gives a rank to those that had none, and leaves out those that are not named', async (store) => {
    for (const name of ['a', 'b', 'c']) await store.put(packageNamed(name, alice), LIMITS, NOW)
    await store.rank(alice, new Map([[packageNamed('c', alice).id, '1']]), NOW)
    const [first] = await claimAll(store, 1)
    equal(first, packageNamed('c', alice).id)
  })

  it('knows nobody by their ranks', async (store) => {
    await store.rank(alice, new Map([[packageNamed('a', alice).id, '1']]), NOW)
    same(await store.count([alice], NOW), [undefined])
    same(await allOf(store.authors()), [])
  })

  it('ranks also what a release brings back', async (store) => {
    for (const [name, rank] of ['0a', '1b', '2c'].entries())
      await store.put(packageNamed(`${name}`, alice, { rank }), LIMITS, NOW)
    const policy = { ...POLICY, redeliverySeconds: 60 }
    const ids = deliveredIds(await store.claim([claimBy('carol', alice)], policy, NOW))
    same(ids, idsNamed('0'))
    await store.rank(alice, new Map([[ids[0] ?? '', '3d']]), NOW)
    await store.release(alice, ids, NOW)
    same(await claimAll(store, 3), idsNamed('1', '2', '0'))
  })

  it('yields every author who has packages', async (store) => {
    for (const author of [alice, bob]) await store.put(packageNamed(author, author), LIMITS, NOW)
    same([...new Set(await allOf(store.authors()))].sort(), [alice, bob].sort())
  })

  it('keeps the first URL until another replaces it', async (store) => {
    equal(await store.keepUrl(HERE), HERE)
    equal(await store.keepUrl(THERE), HERE)
    await store.changeUrl(THERE)
    equal(await store.keepUrl(HERE), THERE)
  })

  it('takes any URL where it has none', async (store) => {
    await store.changeUrl(HERE)
    equal(await store.keepUrl(THERE), HERE)
  })
}

export function describeSharedUrl<Store extends KeyPackageStore>(
  it: Specify<Store>,
  share: (open: Store) => Promise<Store>,
): void {
  const both = sharing(it, share)

  both('agree on a URL when they start together', async (left, right) => {
    const [here, there] = await Promise.all([left.keepUrl(HERE), right.keepUrl(THERE)])
    equal(here, there)
    await left.changeUrl('wss://new.example/')
    equal(await right.keepUrl(HERE), 'wss://new.example/')
  })

  both('deliver in the order that either was told', async (left, right) => {
    for (const name of ['a', 'b', 'c']) await left.put(packageNamed(name, alice, { rank: name }), LIMITS, NOW)
    const [first] = await claimAll(right, 1)
    equal(first, packageNamed('a', alice).id)
    await right.rank(alice, new Map([[packageNamed('c', alice).id, '0']]), NOW)
    const [second] = await claimAll(left, 1)
    notEqual(first, second)
    equal(second, packageNamed('c', alice).id)
    same(await idsOf(left, alice), idsNamed('b'))
  })
}

/** What claims by one person after another get, one package each, in this order. */
async function claimAll(store: KeyPackageStore, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const request = claimBy(`requester ${index}`, alice, { narrowings: [{ kinds: [443] }] })
    ids.push(...deliveredIds(await store.claim([request], POLICY, NOW)))
  }
  return ids
}

function idsNamed(...names: readonly string[]): string[] {
  return names.map((name) => packageNamed(name, alice).id)
}

/** What both authors have, without the ranks. */
async function unranked(store: KeyPackageStore): Promise<unknown[]> {
  const stored = [...(await storedPackages(store, alice)), ...(await storedPackages(store, bob))]
  return stored.map(({ rank, ...pkg }) => pkg).sort((a, b) => (a.id < b.id ? -1 : 1))
}
