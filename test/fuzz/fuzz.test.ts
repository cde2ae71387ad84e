/** Every target on its seeds, past findings among them, and on some of them changed: the same in every run. `npm run fuzz` goes on from there. */

import { describe, expect, it } from '@jest/globals'
import { seededRandom } from '../support/random.ts'
import { explore, NO_FEEDBACK, summaryOf } from './exploration.ts'
import { openTarget, TARGET_NAMES } from './targets.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 1)

describe.each(TARGET_NAMES)('%s', (name) => {
  it('keeps its promises for its seeds, and for changed ones (I9)', async () => {
    const target = await openTarget(name)
    const { executions, findings } = await explore(target, {
      random: seededRandom(SEED),
      feedback: NO_FEEDBACK,
      goesOn: (count) => count < target.shortRun,
    })
    await target.close?.()
    const shown = findings.map(({ input, error }) => [
      `FUZZ_SEED=${SEED}`,
      summaryOf(error),
      input.toString(),
    ])
    expect(shown).toEqual([])
    expect(executions).toBeGreaterThanOrEqual(target.seeds.length)
  })
})
