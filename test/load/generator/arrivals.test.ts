/** Arrivals are an open loop: they follow from the rates and the seed, and none is left out when there is no time for it. */

import { describe, expect, it } from '@jest/globals'
import { seededFractions } from '../../support/random.ts'
import { arrivalsOf, keepTo } from './arrivals.ts'

const RATES = { often: 300, seldom: 3 }

describe('arrivals', () => {
  it('are the same for the same seed', () => {
    const [one, again, other] = [1, 1, 2].map((seed) => arrivalsOf(RATES, 5, seededFractions(seed)))
    expect(again).toEqual(one)
    expect(other).not.toEqual(one)
  })

  it('come at their rates, at intervals without memory', () => {
    const seconds = 200
    const arrivals = arrivalsOf(RATES, seconds, seededFractions(3))
    const often = arrivals.filter(({ act }) => act === 'often').length / seconds
    const seldom = arrivals.filter(({ act }) => act === 'seldom').length / seconds
    expect(often).toBeGreaterThan(290)
    expect(often).toBeLessThan(310)
    expect(seldom).toBeGreaterThan(2.5)
    expect(seldom).toBeLessThan(3.5)
    // Of a Poisson process, 1/e of the intervals are longer than the average one.
    const gaps = arrivals.slice(1).map(({ dueMs }, index) => dueMs - (arrivals[index]?.dueMs ?? 0))
    const longer = gaps.filter((gap) => gap > 1000 / 303).length / gaps.length
    expect(longer).toBeGreaterThan(0.35)
    expect(longer).toBeLessThan(0.39)
  })

  it('begin when they are due, and all of them after a halt', async () => {
    const arrivals = [0, 5, 10, 15, 20].map((dueMs) => ({ dueMs, act: dueMs }))
    const begun: { act: number; late: number }[] = []
    const lateness = await keepTo(arrivals, (act, dueAt) => {
      begun.push({ act, late: performance.now() - dueAt })
      const until = performance.now() + 30
      while (act === 0 && performance.now() < until);
    })
    expect(begun.map(({ act }) => act)).toEqual([0, 5, 10, 15, 20])
    expect(begun.every(({ late }) => late >= 0)).toBe(true)
    // The second was due 5 ms after the first, which took 30.
    expect(begun[1]?.late).toBeGreaterThanOrEqual(25)
    expect(lateness.count).toBe(5)
  })
})
