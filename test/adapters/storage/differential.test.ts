/** Every store answers a random history like the memory store, also when two processes share it and take turns. */

import { afterAll, beforeAll, describe, it } from '@jest/globals'
import fc from 'fast-check'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { ClaimOutcome, CountedClaim, KeyPackageStore, Removal } from '../../../plugin/store.ts'
import { NOW } from '../../contract/index.ts'
import { inOrder, sorted, storedPackages } from '../../contract/reading.ts'
import { expectEqual } from '../../support/equal.ts'
import {
  AUTHORS,
  type History,
  histories,
  runsOf,
  type Step,
  underTwoPolicies,
} from '../../support/histories.ts'
import { RealStores } from '../../support/real-stores.ts'

/** Long enough for any number of operations set by hand. */
const LONG_MS = 3_600_000
const STEPS_A_HISTORY = 40

let real: RealStores

beforeAll(async () => {
  real = await RealStores.start()
})
afterAll(() => real?.stop())

type Open = () => Promise<readonly [KeyPackageStore, ...KeyPackageStore[]]>

const UNDER_ONE = histories()
const UNDER_TWO = underTwoPolicies(histories())

/** 50 histories reach each situation of histories.test.ts five times; `DIFFERENTIAL_OPERATIONS` makes more. */
const OTHERS: readonly (readonly [name: string, numRuns: number, open: Open, all: typeof UNDER_ONE])[] = [
  ['the LMDB store', 60, async () => [real.lmdb()], UNDER_ONE],
  ['the Redis store', 60, async () => [await real.redis()], UNDER_ONE],
  ['the Redis store, under two policies,', 50, async () => [await real.redis()], UNDER_TWO],
  ['two Redis stores that take turns', 50, () => real.redisTwice(), UNDER_ONE],
  ['two Redis stores that take turns, under two policies,', 50, () => real.redisTwice(), UNDER_TWO],
]

describe.each(OTHERS)('%s beside the memory store', (_name, numRuns, open, all) => {
  it(
    'answers every step of a history alike, tells the same, and ends with the same',
    async () => {
      await fc.assert(
        fc.asyncProperty(all, async (history) => {
          const stores = await open()
          const memory = memoryStore()
          const expected = await replay([memory, ...stores.slice(1).map(() => memory)], history)
          expectEqual(await replay(stores, history), expected)
        }),
        { seed: 443, numRuns: runsOf(numRuns, STEPS_A_HISTORY) },
      )
    },
    LONG_MS,
  )
})

/** The answers and notifications of stores that perform the steps in turns, step by step. */
async function replay(
  stores: readonly [KeyPackageStore, ...KeyPackageStore[]],
  { steps }: History,
): Promise<unknown[]> {
  const answers: unknown[] = []
  const delivered: Delivered[] = []
  const removals: Removal[] = []
  const low: LowStock[] = []
  const different = new Set(stores)
  for (const store of different) store.onRemoved((removed) => removals.push(...removed))
  // The other store receives it some time later.
  if (stores.length === 1) stores[0].onLowStock((author, remaining) => low.push({ author, remaining }))
  let now = NOW
  for (const [index, step] of steps.entries()) {
    if (step.do === 'wait') {
      now += step.seconds
      continue
    }
    const store = stores[index % stores.length] ?? stores[0]
    answers.push(await take(store, step, delivered, now))
    answers.push(asTold(removals.splice(0)), byAuthor(low.splice(0)))
  }
  for (const author of AUTHORS) answers.push(sorted(await storedPackages(stores[0], author, now)))
  answers.push(await stores[0].count(AUTHORS, now), await stores[0].stats())
  for (const store of different) await store.close()
  return answers
}

interface LowStock {
  readonly author: Pubkey
  readonly remaining: number
}

interface Delivered {
  readonly author: Pubkey
  readonly ids: readonly string[]
  readonly counted: CountedClaim
}

async function take(
  store: KeyPackageStore,
  step: Exclude<Step, { do: 'wait' }>,
  delivered: Delivered[],
  now: number,
): Promise<unknown> {
  switch (step.do) {
    case 'put':
      return store.put(step.pkg, step.limits, now)
    case 'claim': {
      const outcomes = await store.claim(step.claims, step.policy, now)
      for (const [index, { author, requester, address, network }] of step.claims.entries()) {
        const outcome = outcomes[index]
        const freshTaken = outcome?.outcome === 'delivered' ? outcome.freshTaken : 0
        const claimant = { requester, address, ...(network !== undefined && { network }) }
        const counted = { ...claimant, policy: step.policy, freshTaken, at: now }
        delivered.push({ author, ids: idsOf(outcomes[index]), counted })
      }
      return outcomes.map(inOrder)
    }
    case 'release': {
      const undone = delivered.at(-1 - step.answersAgo)
      return (
        undone && store.release(undone.author, undone.ids, now, step.givesBack ? undone.counted : undefined)
      )
    }
    case 'drop':
      return store.drop(step.author, step.deletion, now)
    case 'rank':
      return store.rank(step.author, step.ranks, now)
    case 'sweep':
      return store.sweep(now, step.retireAfterSeconds)
    case 'hit':
      return store.hit(step.key, step.cost, { max: 5, windowSeconds: 60 }, now)
    case 'refund':
      return store.refund(step.key, step.cost, { max: 5, windowSeconds: 60 }, now - step.secondsAgo)
  }
}

function idsOf(outcome: ClaimOutcome | undefined): string[] {
  return outcome?.outcome === 'delivered' ? outcome.packages.map(({ id }) => id) : []
}

/** Stores may report the removals of a step together or one by one, in any order. */
function asTold(removals: readonly Removal[]): Removal[] {
  return removals.toSorted((a, b) => (`${a.author} ${a.id}` < `${b.author} ${b.id}` ? -1 : 1))
}

/** Stores may handle the authors of a batch in any order. */
function byAuthor(low: readonly LowStock[]): LowStock[] {
  return low.toSorted((a, b) => a.author.localeCompare(b.author))
}
