/** Each of our stores can be exported and imported, including what was spent (the contract of the Redis store: redis.test.ts). */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { Deletions, KnownName, MovableStore } from '../../../plugin/store.ts'
import { describeMovableStore, HOUR, NOW } from '../../contract/index.ts'
import { allOf, inOrder, sorted, storedPackages } from '../../contract/reading.ts'
import { AUTHORS, type History, histories, type Step } from '../../support/histories.ts'
import { RealStores } from '../../support/real-stores.ts'

let real: RealStores

beforeAll(async () => {
  real = await RealStores.start()
})
afterAll(() => real?.stop())

const OTHERS: readonly (readonly [name: string, open: () => Promise<MovableStore>])[] = [
  ['LMDB', async () => real.lmdb()],
  ['Redis', () => real.redis()],
]

describeMovableStore('the memory store', async () => memoryStore(), { describe, it })
describeMovableStore('the LMDB store', async () => real.lmdb(), { describe, it })

describe.each(OTHERS)('the %s store beside the memory store', (_name, open) => {
  it('answers like the memory store during imports and claims, and ends with the same contents', async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async (history) => {
        expect(await replay(await open(), history)).toEqual(await replay(memoryStore(), history))
      }),
      { seed: 443, numRuns: 60 },
    )
  })
})

/** A history in which every third package is imported as exposed, every other uncounted, and deletions are taken over from elsewhere. */
async function replay(store: MovableStore, { steps }: History): Promise<unknown[]> {
  const answers: unknown[] = []
  let now = NOW
  for (const [index, step] of steps.entries()) {
    if (step.do === 'wait') now += step.seconds
    else answers.push(await take(store, step, index, now))
  }
  answers.push((await allOf(store.authors())).sort())
  for (const author of AUTHORS) {
    const { names, deletions } = await store.remembered(author, now)
    answers.push(sorted(await storedPackages(store, author, now)), byName(names), deletions)
  }
  answers.push(await store.stats())
  await store.close()
  return answers
}

async function take(store: MovableStore, step: Step, index: number, now: number): Promise<unknown> {
  if (step.do === 'put') {
    const { publish, ...uncounted } = step.limits
    const isExposed = index % 3 === 0 && step.pkg.slot === undefined
    const pkg = isExposed
      ? { ...step.pkg, exposure: { since: now - index * 60, count: index + 1 } }
      : step.pkg
    return store.put(pkg, index % 2 === 0 ? uncounted : step.limits, now)
  }
  if (step.do === 'claim') return (await store.claim(step.claims, step.policy, now)).map(inOrder)
  if (step.do === 'sweep') return store.sweep(now, step.retireAfterSeconds)
  if (step.do !== 'drop') return undefined
  const { ids = [], slots = [], createdUntil, keptUntil } = step.deletion
  const expiresAt = now + (index % 2 === 0 ? HOUR : 100 * HOUR)
  const names = ids.map((id) => ({ name: id as KnownName['name'], expiresAt }))
  const deletions: Deletions = {
    ids: ids.map((id) => [`${id} deleted`, keptUntil]),
    slots: slots.map((slot) => [slot, createdUntil, keptUntil]),
  }
  return store.remember(step.author, { names, deletions }, now)
}

function byName(names: readonly KnownName[]): KnownName[] {
  return names.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
