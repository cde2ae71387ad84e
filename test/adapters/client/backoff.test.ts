/** Waiting before trying again. */

import { expect, it } from '@jest/globals'
import { backoff } from '../../../adapters/client/backoff.ts'

it('doubles from one second to a minute', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((tries) => Math.ceil(backoff(tries, 0.999_999) / 1000))
  expect(longest).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
})

it('leaves the second half of it to chance, so that many do not come back at once', () => {
  expect([0, 0.25, 0.5].map((random) => backoff(3, random))).toEqual([4000, 5000, 6000])
})
