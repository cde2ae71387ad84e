/** What a store may rely on without asking the rules again: how many fresh packages strangers can take while only strangers claim. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { claim } from '../../../plugin/stock/claim.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { reserveOf, shareOf, type Take } from '../../../plugin/stock/strangers.ts'
import type { ClaimPolicy, StockedPackage } from '../../../plugin/store.ts'
import { authorNamed, claimBy, hex, NOW, POLICY, packageNamed } from '../../contract/index.ts'

const ALICE = authorNamed('alice')
const WINDOW_SECONDS = 600

const policies: fc.Arbitrary<ClaimPolicy> = fc
  .record(
    {
      strangers: fc.record({
        max: fc.integer({ min: 1, max: 8 }),
        windowSeconds: fc.constant(WINDOW_SECONDS),
      }),
      keep: fc.nat(4),
    },
    { requiredKeys: ['keep'] },
  )
  .map((terms) => ({ ...POLICY, ...terms }))

const takes: fc.Arbitrary<Take[]> = fc.array(
  fc
    .record({
      ago: fc.nat(2 * WINDOW_SECONDS),
      count: fc.integer({ min: 1, max: 2 }),
      taker: fc.constantFrom({ address: 'somewhere' }, { knownAs: hex('known') }),
    })
    .map(({ ago, count, taker }) => ({ at: NOW - ago, keptUntil: NOW + 2 * WINDOW_SECONDS, count, taker })),
  { maxLength: 6 },
)

const stocks: fc.Arbitrary<Stock> = fc
  .record({ fresh: fc.nat(12), isShared: fc.boolean(), takes })
  .map(({ fresh, isShared, takes }) => ({
    packages: [...packagesOf(fresh), ...shared(isShared)],
    deliveries: [],
    takes,
  }))

const histories = fc.array(
  fc.record({ secondsLater: fc.nat(400), maximum: fc.integer({ min: 1, max: 2 }) }),
  {
    maxLength: 12,
  },
)

describe('the reserve against strangers', () => {
  it('leaves them at most what their share is, and exactly that until then, however many of them claim', () => {
    let exact = 0
    fc.assert(
      fc.property(stocks, policies, histories, (before, policy, history) => {
        const { count, exactUntil } = reserveOf(before, policy, NOW)
        let stock = before
        let now = NOW
        for (const [number, { secondsLater, maximum }] of history.entries()) {
          now += secondsLater
          const fresh = stock.packages.filter(({ exposure }) => exposure === undefined).length
          const request = claimBy(`stranger ${number}`, ALICE, { maximum, standing: 'stranger' })
          const share = shareOf(stock, request, maximum, policy, now)
          if (share === 'needs-known') throw new Error('a stranger is a stranger')
          expect(fresh - count).toBeLessThanOrEqual(share.fresh)
          if (now < exactUntil) expect(Math.max(0, fresh - count)).toBe(share.fresh)
          if (now < exactUntil) exact += 1
          // What a store does on the strength of it.
          if (maximum > fresh - count) continue
          const after = claim(stock, () => undefined, request, policy, now)
          expect(after.choice).toMatchObject({ outcome: 'delivered', freshTaken: maximum, sharedUsed: false })
          stock = after.stock ?? stock
        }
      }),
      { seed: 443, numRuns: 2_000 },
    )
    expect(exact).toBeGreaterThan(1_000)
  })

  it('is what stays, where no rule about strangers holds', () => {
    expect(reserveOf(stockOf(5, false), POLICY, NOW)).toEqual({
      count: 1,
      exactUntil: Number.POSITIVE_INFINITY,
    })
    expect(reserveOf(stockOf(5, true), POLICY, NOW).count).toBe(0)
  })
})

function stockOf(fresh: number, isShared: boolean): Stock {
  return { packages: [...packagesOf(fresh), ...shared(isShared)], deliveries: [] }
}

function packagesOf(count: number): StockedPackage[] {
  return Array.from({ length: count }, (_, number) => packageNamed(`fresh ${number}`, ALICE))
}

function shared(isShared: boolean): StockedPackage[] {
  return isShared ? [{ ...packageNamed('shared', ALICE), exposure: { since: NOW, count: 1 } }] : []
}
