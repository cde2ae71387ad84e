/** An LMDB store is empty again once everything in a random history has expired. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { open } from 'lmdb'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import type { ClaimOutcome } from '../../../plugin/store.ts'
import { DAY, NOW } from '../../contract/index.ts'
import { type History, histories } from '../../support/histories.ts'
import { scratch } from '../../support/scratch.ts'

const directory = scratch()

const TABLES = ['authors', 'packages', 'known', 'due']

describe('an LMDB store, once everything has expired', () => {
  it('keeps no record of a random history (I9)', async () => {
    let opened = 0
    await fc.assert(
      fc.asyncProperty(histories(), async (history) => {
        const path = `${directory}/${opened++}`
        await live(path, history)
        const root = open({ path, noSubdir: false, overlappingSync: false })
        const left = TABLES.map((name) => [name, root.openDB({ name }).getCount()])
        await root.close()
        expect(left).toEqual(TABLES.map((name) => [name, 0]))
      }),
      { seed: 62, numRuns: 40 },
    )
  })
})

/** Performs a history, then sweeps when everything has expired. */
async function live(path: string, { steps }: History): Promise<void> {
  const store = lmdbStore({ path })
  const claimed: ClaimOutcome[] = []
  let now = NOW
  for (const step of steps) {
    if (step.do === 'wait') now += step.seconds
    if (step.do === 'put') await store.put(step.pkg, step.limits, now)
    if (step.do === 'drop') await store.drop(step.author, step.deletion, now)
    if (step.do === 'sweep') await store.sweep(now, step.retireAfterSeconds)
    if (step.do === 'hit') await store.hit(step.key, step.cost, { max: 5, windowSeconds: 60 }, now)
    if (step.do === 'refund')
      await store.refund(step.key, step.cost, { max: 5, windowSeconds: 60 }, now - step.secondsAgo)
    if (step.do === 'claim') {
      claimed.push(...(await store.claim(step.claims, step.policy, now)))
    }
    if (step.do === 'release') {
      const outcome = claimed.at(-1 - step.answersAgo)
      if (outcome?.outcome !== 'delivered') continue
      for (const { author, id } of outcome.packages) await store.release(author, [id], now)
    }
  }
  await store.sweep(now + 100 * DAY, 600)
  expect(await store.stats()).toEqual({ authors: 0, packages: 0 })
  await store.close()
}
