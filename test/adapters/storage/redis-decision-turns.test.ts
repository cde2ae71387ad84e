/** When changes of authors in Redis are decided: few in one turn of the event loop. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { DecisionTurns } from '../../../adapters/storage/redis/decision-turns.ts'

/** Asks for so many turns at once; `begun` are those that have one, in order. */
function ask(turns: DecisionTurns, count: number): { begun: number[]; all: Promise<unknown> } {
  const begun: number[] = []
  const asked = Array.from({ length: count }, async (_, index) => {
    await turns.next()
    begun.push(index)
  })
  return { begun, all: Promise.all(asked) }
}

describe('turns to decide', () => {
  it('lets one that is alone begin at once', async () => {
    const { begun, all } = ask(new DecisionTurns(), 1)
    await all
    expect(begun).toEqual([0])
  })

  it('spreads many over turns of the event loop, in their order', async () => {
    const { begun, all } = ask(new DecisionTurns(), 100)
    await nextTurn()
    expect(begun.length).toBeLessThan(100)
    await all
    expect(begun).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  it('lets others of the same turn wait behind those who asked first', async () => {
    const turns = new DecisionTurns()
    const first = ask(turns, 100)
    const later = ask(turns, 1)
    await later.all
    expect(first.begun).toHaveLength(100)
    await first.all
  })
})
