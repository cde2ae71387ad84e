/** Under what limits random histories of a store claim and put (`histories.ts`): tight ones, so that steps interfere. */

import fc from 'fast-check'
import type { ClaimPolicy, StockLimits } from '../../plugin/store.ts'
import { DAY, HOUR, PLENTY } from '../contract/index.ts'

export const RETIRE_AFTER_SECONDS = 600

const quotas = fc.record({ max: fc.integer({ min: 1, max: 6 }), windowSeconds: fc.constantFrom(60, HOUR) })

const ofStrangers = { strangers: quotas, freshPerAddress: quotas, keep: fc.nat(3) }
export const strangerTerms = fc.record(ofStrangers, { requiredKeys: ['keep'] })

export const policies: fc.Arbitrary<ClaimPolicy> = fc.record(
  {
    perAuthor: quotas,
    perAddress: quotas,
    ...ofStrangers,
    redeliverySeconds: fc.constantFrom(0, 0, 60, 200),
    retireAfterSeconds: fc.constant(RETIRE_AFTER_SECONDS),
    low: fc.constant(3),
  },
  { requiredKeys: ['perAuthor', 'perAddress', 'keep', 'redeliverySeconds', 'retireAfterSeconds', 'low'] },
)

/** Small, so that a few claims use them up. */
const smallQuotas = fc.record({
  max: fc.integer({ min: 1, max: 3 }),
  windowSeconds: fc.constantFrom(HOUR, DAY),
})
const shareQuotas = fc.oneof(smallQuotas, { weight: 2, arbitrary: fc.constant(PLENTY) })
export const shares = fc.record(
  {
    strangers: shareQuotas,
    freshPerAddress: fc.oneof(smallQuotas, fc.constant(PLENTY)),
    keep: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ['strangers', 'keep'] },
)
export const AMPLE: StockLimits = {
  max: 8,
  overflow: 'evict-oldest',
  retireAfterSeconds: RETIRE_AFTER_SECONDS,
  publish: PLENTY,
}

export const stockLimits: fc.Arbitrary<StockLimits> = fc.record({
  max: fc.integer({ min: 1, max: 6 }),
  overflow: fc.constantFrom('reject', 'evict-oldest'),
  retireAfterSeconds: fc.constant(RETIRE_AFTER_SECONDS),
  publish: fc.record({ max: fc.integer({ min: 1, max: 12 }), windowSeconds: fc.constantFrom(60, HOUR) }),
})
