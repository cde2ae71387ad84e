/** Quotas: the windows of claims, `hit` and `refund` (I5). */

import { equal } from 'node:assert/strict'
import type { ClaimPolicy } from '../../plugin/store.ts'
import { authorNamed, claimBy, HOUR, LIMITS, NOW, POLICY, packageNamed } from './packages.ts'
import { deliveredIds, idsOf } from './reading.ts'
import { same } from './same.ts'
import type { Specify } from './specify.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')

export function describeQuotas(it: Specify): void {
  it('limits the claims of one author by one requester, in a sliding window', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAuthor: { max: 2, windowSeconds: HOUR } }
    for (const author of [alice, bob]) {
      await store.put(packageNamed(`of ${author}`, author), LIMITS, NOW)
    }
    const ask = async (now: number, requester = 'carol', author = alice) =>
      (await store.claim([claimBy(requester, author)], policy, now))[0]
    equal((await ask(NOW))?.outcome, 'delivered')
    equal((await ask(NOW + 100))?.outcome, 'delivered')
    same(await ask(NOW + 200), { outcome: 'limited', by: 'perAuthor', retryAfterSeconds: HOUR - 200 })
    equal((await ask(NOW + 200, 'dave'))?.outcome, 'delivered')
    equal((await ask(NOW + 200, 'carol', bob))?.outcome, 'delivered')
    equal((await ask(NOW + HOUR))?.outcome, 'delivered')
    same(await ask(NOW + HOUR), { outcome: 'limited', by: 'perAuthor', retryAfterSeconds: 100 })
  })

  it('limits the claims of one author from one address, whoever asks', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAddress: { max: 2, windowSeconds: HOUR } }
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    const ask = async (requester: string, address: string) =>
      (await store.claim([claimBy(requester, alice, { address })], policy, NOW))[0]
    equal((await ask('carol', '192.0.2.1'))?.outcome, 'delivered')
    equal((await ask('dave', '192.0.2.1'))?.outcome, 'delivered')
    same(await ask('erin', '192.0.2.1'), {
      outcome: 'limited',
      by: 'perAddress',
      retryAfterSeconds: HOUR,
    })
    equal((await ask('erin', '192.0.2.2'))?.outcome, 'delivered')
  })

  it('reports the quota with the longest wait', async (store) => {
    const policy: ClaimPolicy = {
      ...POLICY,
      perAuthor: { max: 1, windowSeconds: 60 },
      perAddress: { max: 1, windowSeconds: HOUR },
    }
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    await store.claim([claimBy('carol', alice)], policy, NOW)
    same(await store.claim([claimBy('carol', alice)], policy, NOW), [
      { outcome: 'limited', by: 'perAddress', retryAfterSeconds: HOUR },
    ])
  })

  it('changes nothing when it limits: neither the stock nor the other window', async (store) => {
    const policy: ClaimPolicy = {
      ...POLICY,
      perAuthor: { max: 1, windowSeconds: HOUR },
      perAddress: { max: 2, windowSeconds: HOUR },
    }
    for (const name of ['one', 'two', 'three']) await store.put(packageNamed(name, alice), LIMITS, NOW)
    const from = (requester: string) => claimBy(requester, alice, { address: '192.0.2.1' })
    await store.claim([from('carol')], policy, NOW)
    const before = await idsOf(store, alice)
    for (let turn = 0; turn < 5; turn++) await store.claim([from('carol')], policy, NOW)
    same(await idsOf(store, alice), before)
    equal(deliveredIds(await store.claim([from('dave')], policy, NOW)).length, 1)
  })

  it('does not count a claim that finds nothing: nobody can tell from it whether an author has packages', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    const claim = claimBy('carol', alice, { narrowings: [{ kinds: [443], ids: [] }] })
    for (let turn = 0; turn < 3; turn++) same(await store.claim([claim], policy, NOW), [{ outcome: 'none' }])
    equal((await store.claim([claimBy('carol', alice)], policy, NOW))[0]?.outcome, 'delivered')
    equal((await store.claim([claim], policy, NOW))[0]?.outcome, 'limited')
  })

  it('keeps no window for an unknown author', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    for (let turn = 0; turn < 3; turn++) {
      same(await store.claim([claimBy('carol', alice)], policy, NOW), [{ outcome: 'none' }])
    }
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    equal((await store.claim([claimBy('carol', alice)], policy, NOW))[0]?.outcome, 'delivered')
  })

  it('never lets concurrent claims exceed a quota', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAuthor: { max: 10, windowSeconds: HOUR } }
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () => store.claim([claimBy('carol', alice)], policy, NOW)),
    )
    equal(deliveredIds(outcomes.flat()).length, 10)
  })

  it('accepts requesters and addresses of any length and content', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    for (const text of ['', 'a\0b', 'x'.repeat(10_000), `${'x'.repeat(10_000)}y`, '\ud800', 'ünï']) {
      const claim = claimBy(text, alice, { address: text })
      equal((await store.claim([claim], policy, NOW))[0]?.outcome, 'delivered')
      equal((await store.claim([claim], policy, NOW))[0]?.outcome, 'limited')
    }
  })

  it('grants as much of a hit as the sliding window has room for', async (store) => {
    const quota = { max: 5, windowSeconds: 60 }
    same(await store.hit('key', 3, quota, NOW), { granted: 3, retryAfterSeconds: 0 })
    same(await store.hit('key', 3, quota, NOW + 10), { granted: 2, retryAfterSeconds: 50 })
    same(await store.hit('key', 1, quota, NOW + 20), { granted: 0, retryAfterSeconds: 40 })
    same(await store.hit('other', 1, quota, NOW + 20), { granted: 1, retryAfterSeconds: 0 })
    same(await store.hit('key', 3, quota, NOW + 60), { granted: 3, retryAfterSeconds: 0 })
    same(await store.hit('key', 1, quota, NOW + 60), { granted: 0, retryAfterSeconds: 10 })
  })

  it('never lets concurrent hits exceed a quota', async (store) => {
    const quota = { max: 50, windowSeconds: 60 }
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => store.hit('key', 3, quota, NOW)))
    equal(
      outcomes.reduce((sum, { granted }) => sum + granted, 0),
      50,
    )
  })

  it('answers hits of many windows that come at once, each by its own quota and time', async (store) => {
    const windows = Array.from({ length: 100 }, (_, index) => index)
    const hit = (index: number) =>
      store.hit(`key ${index}`, 3, { max: 1 + (index % 4), windowSeconds: 60 + index }, NOW + index)
    const outcomes = await Promise.all(windows.map(hit))
    const expected = windows.map((index) => {
      const granted = Math.min(3, 1 + (index % 4))
      return { granted, retryAfterSeconds: granted < 3 ? 60 + index : 0 }
    })
    same(outcomes, expected)
  })

  it('refunds up to what a hit recorded, and never more', async (store) => {
    const quota = { max: 5, windowSeconds: 60 }
    await store.refund('key', 3, quota, NOW)
    same(await store.hit('key', 6, quota, NOW), { granted: 5, retryAfterSeconds: 60 })
    await store.hit('other', 5, quota, NOW)
    await store.refund('key', 2, quota, NOW)
    same(await store.hit('key', 3, quota, NOW), { granted: 2, retryAfterSeconds: 60 })
    await store.refund('key', 100, quota, NOW)
    same(await store.hit('key', 6, quota, NOW), { granted: 5, retryAfterSeconds: 60 })
    same(await store.hit('other', 1, quota, NOW), { granted: 0, retryAfterSeconds: 60 })
  })

  it('refunds what was recorded last first, and nothing that was recorded after the hit', async (store) => {
    const quota = { max: 9, windowSeconds: 60 }
    for (const [cost, at] of [[2, NOW] as const, [3, NOW + 10] as const, [4, NOW + 20] as const])
      same(await store.hit('key', cost, quota, at), { granted: cost, retryAfterSeconds: 0 })
    await store.refund('key', 4, quota, NOW + 10)
    same(await store.hit('key', 5, quota, NOW + 30), { granted: 4, retryAfterSeconds: 30 })
    same(await store.hit('key', 2, quota, NOW + 60), { granted: 1, retryAfterSeconds: 20 })
    await store.refund('key', 1, quota, NOW + 10)
    same(await store.hit('key', 1, quota, NOW + 60), { granted: 0, retryAfterSeconds: 20 })
  })

  it('refunds nothing that has slid out of the window', async (store) => {
    const quota = { max: 5, windowSeconds: 60 }
    await store.hit('key', 3, quota, NOW)
    await store.hit('key', 2, quota, NOW + 30)
    await store.refund('key', 4, quota, NOW + 60)
    same(await store.hit('key', 6, quota, NOW + 60), { granted: 5, retryAfterSeconds: 60 })
    await store.refund('key', 4, quota, NOW + 200)
    same(await store.hit('key', 6, quota, NOW + 200), { granted: 5, retryAfterSeconds: 60 })
  })

  it('loses no refund and no hit of those that come at once', async (store) => {
    const quota = { max: 100, windowSeconds: 60 }
    await store.hit('key', 60, quota, NOW)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? store.refund('key', 3, quota, NOW) : store.hit('key', 2, quota, NOW),
      ),
    )
    same(await store.hit('key', 100, quota, NOW), { granted: 50, retryAfterSeconds: 60 })
  })

  it('keeps what a refund leaves in a window when it sweeps', async (store) => {
    const quota = { max: 5, windowSeconds: 60 }
    await store.hit('key', 2, quota, NOW)
    await store.hit('key', 3, quota, NOW + 30)
    await store.refund('key', 2, quota, NOW + 30)
    await store.sweep(NOW + 89, LIMITS.retireAfterSeconds)
    same(await store.hit('key', 5, quota, NOW + 89), { granted: 4, retryAfterSeconds: 1 })
  })

  it('keeps windows that are still open when it sweeps', async (store) => {
    const policy: ClaimPolicy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    await store.claim([claimBy('carol', alice)], policy, NOW)
    await store.hit('key', 1, { max: 1, windowSeconds: HOUR }, NOW)
    await store.sweep(NOW + HOUR - 1, LIMITS.retireAfterSeconds)
    equal((await store.claim([claimBy('carol', alice)], policy, NOW + HOUR - 1))[0]?.outcome, 'limited')
    equal((await store.hit('key', 1, { max: 1, windowSeconds: HOUR }, NOW + HOUR - 1)).granted, 0)
  })

  it('keeps what an author has published in the window when it sweeps', async (store) => {
    const limits = { ...LIMITS, publish: { max: 1, windowSeconds: HOUR } }
    equal(await store.put(packageNamed('one', alice), limits, NOW), 'stored')
    await store.sweep(NOW + HOUR - 1, LIMITS.retireAfterSeconds)
    equal(await store.put(packageNamed('two', alice), limits, NOW + HOUR - 1), 'limited')
    await store.sweep(NOW + HOUR, LIMITS.retireAfterSeconds)
    equal(await store.put(packageNamed('two', alice), limits, NOW + HOUR), 'stored')
  })
}
