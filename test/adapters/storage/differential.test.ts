/** Every store answers a random history as the memory store does. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { ClaimOutcome, KeyPackageStore, Removal, StoredKeyPackage } from '../../../plugin/store.ts'
import { NOW } from '../../contract/index.ts'
import { storedPackages } from '../../contract/reading.ts'
import { AUTHORS, type History, histories, type Step } from '../../support/histories.ts'
import { RealStores } from '../../support/real-stores.ts'

let real: RealStores

beforeAll(async () => {
  real = await RealStores.start()
})
afterAll(() => real?.stop())

/** A history has some forty steps. LMDB waits for the disk at most of them. */
const OTHERS: readonly (readonly [name: string, numRuns: number, open: () => Promise<KeyPackageStore>])[] = [
  ['LMDB', 100, async () => real.lmdb()],
  ['Redis', 300, () => real.redis()],
]

describe.each(OTHERS)('the %s store beside the memory store', (_name, numRuns, open) => {
  it('answers every step of a history alike, tells the same, and ends with the same', async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async (history) => {
        expect(await replay(await open(), history)).toEqual(await replay(memoryStore(), history))
      }),
      { seed: 443, numRuns },
    )
  })
})

/** What a store answers, and what it tells of removals, step by step. */
async function replay(store: KeyPackageStore, { steps }: History): Promise<unknown[]> {
  const answers: unknown[] = []
  const delivered: Delivered[] = []
  const removals: Removal[] = []
  store.onRemoved((removed) => removals.push(...removed))
  store.onLowStock((author, remaining) => answers.push({ author, remaining }))
  let now = NOW
  for (const step of steps) {
    if (step.do === 'wait') now += step.seconds
    else answers.push(await take(store, step, delivered, now), asTold(removals.splice(0)))
  }
  for (const author of AUTHORS) answers.push(sorted(await storedPackages(store, author, now)))
  answers.push(await store.count(AUTHORS, now), await store.stats())
  await store.close()
  return answers
}

interface Delivered {
  readonly author: Pubkey
  readonly ids: readonly string[]
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
      for (const [index, { author }] of step.claims.entries())
        delivered.push({ author, ids: idsOf(outcomes[index]) })
      return outcomes.map(inOrder)
    }
    case 'release': {
      const undone = delivered.at(-1 - step.answersAgo)
      return undone && store.release(undone.author, undone.ids, now)
    }
    case 'drop':
      return store.drop(step.author, step.which, now)
    case 'sweep':
      return store.sweep(now, step.retireAfterSeconds)
    case 'hit':
      return store.hit(step.key, step.cost, { max: 5, windowSeconds: 60 }, now)
  }
}

function idsOf(outcome: ClaimOutcome | undefined): string[] {
  return outcome?.outcome === 'delivered' ? outcome.packages.map(({ id }) => id) : []
}

/** Stores may tell of a step's removals at once or one by one, in any order. */
function asTold(removals: readonly Removal[]): Removal[] {
  return removals.toSorted((a, b) => (`${a.author} ${a.id}` < `${b.author} ${b.id}` ? -1 : 1))
}

/** Stores may deliver the packages of one claim in any order. */
function inOrder(outcome: ClaimOutcome): ClaimOutcome {
  return outcome.outcome === 'delivered' ? { ...outcome, packages: sorted(outcome.packages) } : outcome
}

function sorted(packages: readonly StoredKeyPackage[]): StoredKeyPackage[] {
  return packages.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
