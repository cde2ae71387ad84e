/** Two processes that change one author at the same time: the results match some sequential order. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type {
  ClaimOutcome,
  ClaimPolicy,
  KeyPackageStore,
  Quota,
  Removal,
  Standing,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import { authorNamed, claimBy, HOUR, hex, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { runsOf } from '../../support/histories.ts'
import { RealStores } from '../../support/real-stores.ts'

const LONG_MS = 3_600_000
const author = authorNamed('hot')
const PACKAGES = 40
const RETIRE_AFTER_SECONDS = 30
const OPERATIONS_A_HISTORY = 100
const MANY = Number.POSITIVE_INFINITY
const NO_WINDOW: Quota = { max: MANY, windowSeconds: 0 }

type Operation =
  | { readonly do: 'put'; readonly number: number }
  | {
      readonly do: 'claim'
      readonly requester: string
      readonly maximum: number
      readonly standing: Standing | undefined
    }
  | { readonly do: 'sweep' }

/** Operations that run at the same time, each in one of the two processes. */
interface Moment {
  readonly secondsLater: number
  readonly operations: readonly { readonly by: 0 | 1; readonly operation: Operation }[]
}

const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), number: fc.nat(PACKAGES - 1) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      requester: fc.constantFrom('xavier', 'yvonne', 'zoe', 'walter'),
      maximum: fc.integer({ min: 1, max: 2 }),
      standing: fc.constantFrom<(Standing | undefined)[]>(undefined, 'stranger', 'stranger', {
        knownAs: hex('known'),
      }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'sweep' as const }) },
)

const moments: fc.Arbitrary<Moment> = fc.record({
  secondsLater: fc.constantFrom(0, 1, 20, 60),
  operations: fc.array(fc.record({ by: fc.constantFrom(0 as const, 1 as const), operation: operations }), {
    minLength: 2,
    maxLength: 16,
  }),
})

const quotas = fc.record({ max: fc.integer({ min: 1, max: 12 }), windowSeconds: fc.constantFrom(60, HOUR) })

const policies: fc.Arbitrary<ClaimPolicy> = fc.record(
  {
    perAuthor: quotas,
    perAddress: fc.constant(POLICY.perAddress),
    strangers: quotas,
    freshPerAddress: quotas,
    keep: fc.constantFrom(0, 0, 1, 3),
    redeliverySeconds: fc.constantFrom(0, 0, 60),
    retireAfterSeconds: fc.constant(RETIRE_AFTER_SECONDS),
    low: fc.constant(0),
  },
  { requiredKeys: ['perAuthor', 'perAddress', 'keep', 'redeliverySeconds', 'retireAfterSeconds', 'low'] },
)

let real: RealStores

beforeAll(async () => {
  real = await RealStores.start()
})
afterAll(() => real?.stop())

/** The results of a history. */
interface Seen {
  readonly taken: StoredKeyPackage[]
  readonly claimed: Claimed[]
  readonly removals: Removal[]
}

interface Claimed {
  readonly requester: string
  readonly standing: Standing | undefined
  readonly at: number
  readonly outcome: ClaimOutcome
}

describe('two processes that change one busy author', () => {
  it(
    'hand nothing out twice (I1), leave a last package (I2), bring nothing back (I3), keep to quotas (I5) and shares, lose nothing',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          policies,
          fc.array(moments, { minLength: 3, maxLength: 20 }),
          async (policy, history) => {
            const stores = await real.redisTwice()
            const { taken, claimed, removals } = await play(stores, policy, history)
            const left = await stores[0].list(author, NOW)
            for (const store of stores) await store.close()

            const outcomes = claimed.map(({ outcome }) => outcome)
            expect(outcomes.filter(({ outcome }) => outcome === 'unavailable')).toEqual([])
            const spent = outcomes.flatMap(policy.redeliverySeconds > 0 ? () => [] : spentBy)
            expect(twice(spent)).toEqual([])
            expect(twice(taken.map(({ id }) => id))).toEqual([])
            expect(left.length).toBeGreaterThanOrEqual(Math.min(1, taken.length))
            for (const { requester, at } of claimed)
              expect(
                countBetween(claimed, requester, at, at + policy.perAuthor.windowSeconds),
              ).toBeLessThanOrEqual(policy.perAuthor.max)
            const ofStrangers = claimed.filter(({ standing }) => typeof standing !== 'object')
            expect(mostFresh(ofStrangers, policy.strangers)).toBeLessThanOrEqual(
              policy.strangers?.max ?? MANY,
            )
            for (const of of new Set(ofStrangers.map(({ requester }) => requester))) {
              const own = ofStrangers.filter(({ requester }) => requester === of)
              expect(mostFresh(own, policy.freshPerAddress)).toBeLessThanOrEqual(
                policy.freshPerAddress?.max ?? MANY,
              )
            }
            const gone = new Set([...outcomes.flatMap(spentBy), ...removals.map(({ id }) => id)])
            expect([...gone, ...left.map(({ id }) => id)].sort()).toEqual(taken.map(({ id }) => id).sort())
          },
        ),
        { seed: 443, numRuns: runsOf(60, OPERATIONS_A_HISTORY) },
      )
    },
    LONG_MS,
  )
})

async function play(
  stores: readonly [KeyPackageStore, KeyPackageStore],
  policy: ClaimPolicy,
  history: readonly Moment[],
): Promise<Seen> {
  const seen: Seen = { taken: [], claimed: [], removals: [] }
  for (const store of stores) store.onRemoved((removed) => seen.removals.push(...removed))
  let at = NOW
  for (const { secondsLater, operations } of history) {
    at += secondsLater
    await Promise.all(operations.map(({ by, operation }) => take(stores[by], operation, policy, at, seen)))
  }
  return seen
}

async function take(
  store: KeyPackageStore,
  operation: Operation,
  policy: ClaimPolicy,
  at: number,
  seen: Seen,
): Promise<void> {
  switch (operation.do) {
    case 'put': {
      const pkg = packageNamed(`hot ${operation.number}`, author, { createdAt: NOW - operation.number })
      const outcome = await store.put(pkg, { ...LIMITS, retireAfterSeconds: RETIRE_AFTER_SECONDS }, at)
      if (outcome === 'stored') seen.taken.push(pkg)
      return
    }
    case 'claim': {
      const { requester, maximum, standing } = operation
      const claim = claimBy(requester, author, { maximum, ...(standing && { standing }) })
      const [outcome] = await store.claim([claim], policy, at)
      if (outcome !== undefined) seen.claimed.push({ requester, standing, at, outcome })
      return
    }
    case 'sweep':
      await store.sweep(at, RETIRE_AFTER_SECONDS)
  }
}

/** The packages that a claim used up: all except the last. */
function spentBy(outcome: ClaimOutcome): string[] {
  if (outcome.outcome !== 'delivered') return []
  const ids = outcome.packages.map(({ id }) => id)
  return outcome.sharedUsed ? ids.slice(0, -1) : ids
}

/** The most fresh packages that these claims have used up in any window of the quota. */
function mostFresh(claims: readonly Claimed[], { windowSeconds }: Quota = NO_WINDOW): number {
  const sums = claims.map(({ at }) =>
    claims
      .filter((claim) => claim.at >= at && claim.at < at + windowSeconds)
      .reduce((sum, { outcome }) => sum + freshSpentBy(outcome), 0),
  )
  return Math.max(0, ...sums)
}

/** A fresh package that becomes the shared one stays in the stock. */
function freshSpentBy(outcome: ClaimOutcome): number {
  if (outcome.outcome !== 'delivered') return 0
  const { packages, sharedUsed, freshTaken } = outcome
  return freshTaken - Number(sharedUsed && packages.at(-1)?.exposure === undefined)
}

function twice(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) < index)
}

function countBetween(claimed: Seen['claimed'], requester: string, from: number, to: number): number {
  return claimed.filter(
    (claim) =>
      claim.requester === requester &&
      claim.at >= from &&
      claim.at < to &&
      claim.outcome.outcome === 'delivered',
  ).length
}
