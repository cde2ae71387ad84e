/** A short run of the history checker under three faults; `npm run load:history` has all of them, and longer runs. */

import { expect, it } from '@jest/globals'
import { FAULTS } from './faults/every-fault.ts'
import { playFault } from './play.ts'

/** The seed of the run; the checker prints the command that repeats a round. */
const SEED = '20231114'

it.each([['kill-gateway-lmdb'], ['cut-clients-lmdb'], ['pause-redis']])(
  'under %s, what clients saw of each author has a legal order (I1, I2, I3, I5, I6)',
  async (name) => {
    const fault = FAULTS.find((known) => known.name === name)
    if (fault === undefined) throw new Error(`there is no fault ${name}`)
    const said: string[] = []
    const outcome = await playFault(fault, {
      rounds: 1,
      seed: SEED,
      terms: ['spending'],
      end: 'after all',
      say: (line) => said.push(line),
    })
    expect([outcome, ...said]).toEqual(['as promised', expect.stringContaining('1 rounds')])
  },
)
