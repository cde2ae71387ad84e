/** Which packages claims deliver, and which they spend. */

import { equal } from 'node:assert/strict'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore, Narrowing, StoredKeyPackage } from '../../plugin/store.ts'
import { authorNamed, claimBy, DAY, HOUR, LIMITS, NOW, POLICY, packageNamed, slotNamed } from './packages.ts'
import { deliveredIds, idsOf } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')

export function describeClaiming(it: Specify, itTells: Specify): void {
  it('delivers one package, whole, and spends it', async (store) => {
    const [older] = await fill(store, alice, 2)
    const [outcome] = await store.claim([claimBy('bob', alice)], POLICY, NOW)
    same(outcome, {
      outcome: 'delivered',
      packages: [{ ...older, receivedAt: NOW }],
      remaining: 1,
      sharedUsed: false,
      freshTaken: 1,
      counted: true,
    })
    same(await store.count([alice], NOW), [1])
  })

  it('never spends the last package, which is delivered again and again (I2)', async (store) => {
    const [only] = await fill(store, alice, 1)
    for (const requester of ['bob', 'carol', 'dave']) {
      const [outcome] = await store.claim([claimBy(requester, alice)], POLICY, NOW)
      same(deliveredIds(outcome ? [outcome] : []), [only?.id])
      equal(outcome?.outcome === 'delivered' && outcome.sharedUsed, true)
    }
    same(await idsOf(store, alice), [only?.id])
  })

  it('delivers up to two of two, and keeps the second', async (store) => {
    await fill(store, alice, 2)
    const [outcome] = await store.claim([claimBy('bob', alice, { maximum: 2 })], POLICY, NOW)
    equal(outcome?.outcome === 'delivered' && outcome.packages.length, 2)
    equal(outcome?.outcome === 'delivered' && outcome.remaining, 0)
    equal(outcome?.outcome === 'delivered' && outcome.sharedUsed, true)
  })

  it('prefers packages without last_resort, then the oldest, then the lowest id', async (store) => {
    const lastResort = packageNamed('last resort', alice, { lastResort: true, createdAt: NOW - DAY })
    const older = packageNamed('older', alice, { createdAt: NOW - 2 * HOUR })
    const twins = [packageNamed('twin a', alice), packageNamed('twin b', alice)].sort((a, b) =>
      a.id < b.id ? -1 : 1,
    )
    for (const pkg of [lastResort, ...twins.toReversed(), older]) await store.put(pkg, LIMITS, NOW)
    const delivered: string[] = []
    for (let turn = 0; turn < 4; turn++) {
      delivered.push(...deliveredIds(await store.claim([claimBy(`requester ${turn}`, alice)], POLICY, NOW)))
    }
    same(
      delivered,
      [older, ...twins, lastResort].map(({ id }) => id),
    )
  })

  it('keeps an exposed package back while a fresh one is there (I1)', async (store) => {
    const [exposed] = await fill(store, alice, 1)
    await store.claim([claimBy('bob', alice)], POLICY, NOW)
    const fresh = packageNamed('fresh', alice, { lastResort: true, createdAt: NOW })
    await store.put(fresh, LIMITS, NOW)
    const narrowing: Narrowing = { kinds: [443], ids: exposed ? [exposed.id] : [] }
    const narrowed = claimBy('carol', alice, { narrowings: [narrowing] })
    same(await store.claim([narrowed], POLICY, NOW), [{ outcome: 'none' }])
    same(deliveredIds(await store.claim([claimBy('carol', alice)], POLICY, NOW)), [fresh.id])
    same(deliveredIds(await store.claim([claimBy('dave', alice)], POLICY, NOW)), [exposed?.id])
  })

  it('delivers every package to one requester only, however many ask at once (I1, I2)', async (store) => {
    await fill(store, alice, 10)
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        store.claim([claimBy(`requester ${index}`, alice)], POLICY, NOW),
      ),
    )
    const [last] = await idsOf(store, alice)
    const spent = deliveredIds(outcomes.flat()).filter((id) => id !== last)
    equal(spent.length, 9)
    equal(new Set(spent).size, 9)
    equal(deliveredIds(outcomes.flat()).length, 100)
  })

  it('answers a batch in the order of its claims', async (store) => {
    const authors = Array.from({ length: 500 }, (_, index) => authorNamed(`${index}`))
    const known = authors.filter((_, index) => index % 2 === 0)
    for (const author of known) await fill(store, author, 1)
    const outcomes = await store.claim(
      authors.map((author) => claimBy('bob', author)),
      POLICY,
      NOW,
    )
    equal(outcomes.length, 500)
    for (const [index, outcome] of outcomes.entries()) {
      const expected = index % 2 === 0 ? [packageNamed(`${authors[index]} 0`, alice).id] : []
      same(deliveredIds([outcome]), expected)
    }
  })

  it('gives two claims of one author in a batch different packages (I1)', async (store) => {
    await fill(store, alice, 3)
    const outcomes = await store.claim([claimBy('bob', alice), claimBy('carol', alice)], POLICY, NOW)
    equal(new Set(deliveredIds(outcomes)).size, 2)
  })

  it('answers none for an unknown author', async (store) => {
    same(await store.claim([claimBy('bob', alice)], POLICY, NOW), [{ outcome: 'none' }])
  })

  it('delivers every requested slot, and spends none', async (store) => {
    const slots = ['phone', 'desk'].map((slot) => slotNamed(slot, alice, slot))
    for (const slot of slots) await store.put(slot, LIMITS, NOW)
    for (const requester of ['bob', 'carol']) {
      const ids = deliveredIds(await store.claim([claimBy(requester, alice)], POLICY, NOW))
      same(ids.sort(), slots.map(({ id }) => id).sort())
    }
    const phone = claimBy('dave', alice, { narrowings: [{ kinds: [30443], tags: [['d', ['phone']]] }] })
    same(deliveredIds(await store.claim([phone], POLICY, NOW)), [slots[0]?.id])
  })

  it('narrows by kind, ids, since, until and tags, all of one narrowing, any of several', async (store) => {
    const packages = await fill(store, alice, 5)
    const claimable = async (narrowings: readonly Narrowing[]) => {
      const claim = claimBy('bob', alice, { maximum: 9, narrowings })
      const outcomes = await store.claim([claim], POLICY, NOW)
      const ids = deliveredIds(outcomes)
      await store.release(alice, ids, NOW)
      return packages.flatMap(({ id }, index) => (ids.includes(id) ? [index] : []))
    }
    const at = (index: number) => packages[index]?.createdAt ?? 0
    const id = (index: number) => packages[index]?.id ?? ''
    same(await claimable([{ kinds: [30443] }]), [])
    same(await claimable([{ kinds: [443], ids: [id(1), id(3)] }]), [1, 3])
    same(await claimable([{ kinds: [443], since: at(3) }]), [3, 4])
    same(await claimable([{ kinds: [443], until: at(1) }]), [0, 1])
    same(await claimable([{ kinds: [443], since: at(1), until: at(2) }]), [1, 2])
    same(await claimable([{ kinds: [443], tags: [['i', [packages[2]?.ref ?? '']]] }]), [2])
    same(await claimable([{ kinds: [443], tags: [['p', ['x']]] }]), [])
    same(
      await claimable([
        { kinds: [443], until: at(0) },
        { kinds: [443], since: at(4) },
      ]),
      [0, 4],
    )
  })

  it('delivers nothing that has expired', async (store) => {
    await store.put(packageNamed('short', alice, { expiresAt: NOW + HOUR }), LIMITS, NOW)
    same(await store.claim([claimBy('bob', alice)], POLICY, NOW + HOUR), [{ outcome: 'none' }])
    same(await store.list(alice, NOW + HOUR), [])
    same(await store.count([alice], NOW + HOUR), [0])
  })

  itTells('tells its listeners that an author runs low, until they are removed', async (store) => {
    const heard: [Pubkey, number][] = []
    const stop = store.onLowStock((author, remaining) => heard.push([author, remaining]))
    await fill(store, alice, 4)
    const policy = { ...POLICY, low: 3 }
    for (const requester of ['bob', 'carol', 'dave'])
      await store.claim([claimBy(requester, alice)], policy, NOW)
    same(heard, [
      [alice, 2],
      [alice, 1],
    ])
    stop()
    await store.claim([claimBy('erin', alice)], policy, NOW)
    equal(heard.length, 2)
  })

  itTells('does not report low stock if only slots were delivered, or nothing was', async (store) => {
    const heard: Pubkey[] = []
    store.onLowStock((author) => heard.push(author))
    await store.put(slotNamed('phone', alice, 'phone'), LIMITS, NOW)
    const policy = { ...POLICY, low: 3 }
    await store.claim([claimBy('bob', alice), claimBy('bob', authorNamed('nobody'))], policy, NOW)
    same(heard, [])
  })
}

/** Puts `count` packages of increasing age in, and returns them oldest first. */
async function fill(store: KeyPackageStore, author: Pubkey, count: number): Promise<StoredKeyPackage[]> {
  const packages = Array.from({ length: count }, (_, index) =>
    packageNamed(`${author} ${index}`, author, { createdAt: NOW - DAY + index }),
  )
  for (const pkg of packages) equal(await store.put(pkg, LIMITS, NOW), 'stored')
  return packages
}
