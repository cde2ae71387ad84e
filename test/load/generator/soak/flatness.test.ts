/** What grows is told from what only rises and falls. */

import { describe, expect, it } from '@jest/globals'
import { seededFractions } from '../../../support/random.ts'
import { flatnessOf } from './flatness.ts'

const MIB = 2 ** 20
const TOLERANCE = { share: 0.05, least: 4 * MIB }
/** 20 minutes, every five seconds. */
const TIMES = Array.from({ length: 240 }, (_, index) => index * 5)

/** A heap that rises by 30 MiB until it is collected. */
function heap(base: (at: number) => number) {
  const fraction = seededFractions(1)
  return TIMES.map((at) => ({ at, value: base(at) + fraction() * 30 * MIB }))
}

describe('flatness', () => {
  it('is seen through the rise and fall of a heap', () => {
    const { isFlat, growth } = flatnessOf(
      heap(() => 50 * MIB),
      TOLERANCE,
    )
    expect(isFlat).toBe(true)
    expect(Math.abs(growth)).toBeLessThan(3 * MIB)
  })

  it('does not mind what is filled in the first half', () => {
    const filled = heap((at) => Math.min(at, 500) * 0.2 * MIB)
    expect(flatnessOf(filled, TOLERANCE).isFlat).toBe(true)
  })

  it('finds a leak of 100 bytes in each of 150 operations a second', () => {
    const { isFlat, growth } = flatnessOf(
      heap((at) => 50 * MIB + at * 150 * 100),
      TOLERANCE,
    )
    expect(isFlat).toBe(false)
    expect(growth).toBeGreaterThan(6 * MIB)
  })

  it('calls what shrinks flat, and one descriptor a minute growth', () => {
    expect(
      flatnessOf(
        heap((at) => 90 * MIB - at * 20_000),
        TOLERANCE,
      ).isFlat,
    ).toBe(true)
    const descriptors = TIMES.map((at) => ({ at, value: 400 + Math.floor(at / 60) }))
    expect(flatnessOf(descriptors, { share: 0.01, least: 5 }).isFlat).toBe(false)
  })

  it('refuses to judge a few samples', () => {
    expect(() => flatnessOf(heap(() => 0).slice(0, 10), TOLERANCE)).toThrow('10 samples are too few')
  })
})
