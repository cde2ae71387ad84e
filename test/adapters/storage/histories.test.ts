/** The random histories that hold the stores together reach what their rules distinguish, each often enough. */

import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { isFresh, isOneTime } from '../../../plugin/stock/selection.ts'
import type { Claim, ClaimOutcome, ClaimPolicy } from '../../../plugin/store.ts'
import { NOW, PLENTY } from '../../contract/index.ts'
import { histories, type Step, underTwoPolicies } from '../../support/histories.ts'

/** As many as the store with the fewest plays. */
const HISTORIES = 50
const AT_LEAST = 5

/** What a claim has reached: its outcome, and what was in the stock before it. */
interface Moment {
  readonly claim: Claim
  readonly policy: ClaimPolicy
  readonly outcome: ClaimOutcome
  /** Fresh one-time packages. */
  readonly fresh: number
  /** How many ranks those have. */
  readonly ranked: number
}

const REACHED: Readonly<Record<string, (moment: Moment) => boolean>> = {
  'a look-up is asked for': ({ outcome }) => outcome.outcome === 'needs-known',
  'a package is set aside for strangers, beside fresh ones': ({ outcome, fresh }) =>
    isShared(outcome) && fresh > 1 && outcome.freshTaken > 0,
  'strangers share it while there are fresh ones': ({ outcome, fresh }) =>
    isShared(outcome) && fresh > 0 && outcome.freshTaken === 0,
  'somebody known takes a fresh package': ({ claim, outcome }) =>
    typeof claim.standing === 'object' && isFreshTaken(outcome),
  'a stranger takes a fresh package although some are kept': ({ claim, policy, outcome }) =>
    claim.standing === 'stranger' && policy.keep > 0 && isFreshTaken(outcome),
  'only `keep` stands between a stranger and a fresh package': ({ claim, policy, outcome, fresh }) =>
    typeof claim.standing !== 'object' &&
    policy.keep > 0 &&
    policy.strangers === PLENTY &&
    (policy.freshPerAddress ?? PLENTY) === PLENTY &&
    (outcome.outcome === 'needs-known' || isShared(outcome)) &&
    fresh > 1,
  'a network counts what a stranger takes': ({ claim, policy, outcome }) =>
    claim.standing === 'stranger' &&
    claim.network !== undefined &&
    (policy.freshPerAddress ?? PLENTY) !== PLENTY &&
    isFreshTaken(outcome),
  'a package is taken by its rank': ({ outcome, ranked }) => isFreshTaken(outcome) && ranked > 1,
}

function isShared(outcome: ClaimOutcome): outcome is Extract<ClaimOutcome, { outcome: 'delivered' }> {
  return outcome.outcome === 'delivered' && outcome.sharedUsed
}

function isFreshTaken(outcome: ClaimOutcome): boolean {
  return outcome.outcome === 'delivered' && outcome.freshTaken > 0
}

it.each([
  ['under one policy', histories()],
  ['under two policies', underTwoPolicies(histories())],
])(`${HISTORIES} histories %s reach each of them ${AT_LEAST} times`, async (_name, all) => {
  const times = Object.fromEntries(Object.keys(REACHED).map((what) => [what, 0]))
  for (const { steps } of fc.sample(all, { seed: 443, numRuns: HISTORIES })) {
    for (const moment of await momentsOf(steps)) {
      for (const [what, isReached] of Object.entries(REACHED)) {
        if (isReached(moment)) times[what] = (times[what] ?? 0) + 1
      }
    }
  }
  expect(Object.entries(times).filter(([, count]) => count < AT_LEAST)).toEqual([])
})

/** The claims of a history. Releases, hits and refunds change nothing of what is looked at here. */
async function momentsOf(steps: readonly Step[]): Promise<Moment[]> {
  const store = memoryStore()
  const moments: Moment[] = []
  let now = NOW
  for (const step of steps) {
    if (step.do === 'wait') now += step.seconds
    if (step.do === 'put') await store.put(step.pkg, step.limits, now)
    if (step.do === 'drop') await store.drop(step.author, step.deletion, now)
    if (step.do === 'rank') await store.rank(step.author, step.ranks, now)
    if (step.do === 'sweep') await store.sweep(now, step.retireAfterSeconds)
    if (step.do !== 'claim') continue
    const stocks = await Promise.all(step.claims.map(({ author }) => store.list(author, now)))
    const outcomes = await store.claim(step.claims, step.policy, now)
    for (const [index, claim] of step.claims.entries()) {
      const fresh = (stocks[index] ?? []).filter((pkg) => isOneTime(pkg) && isFresh(pkg))
      const ranks = new Set(fresh.map(({ rank }) => rank))
      const outcome = outcomes[index] as ClaimOutcome
      moments.push({ claim, policy: step.policy, outcome, fresh: fresh.length, ranked: ranks.size })
    }
  }
  await store.close()
  return moments
}
