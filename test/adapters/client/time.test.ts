/** The delay before the next attempt. */

import { expect, it } from '@jest/globals'
import { retryDelayMs } from '../../../adapters/client/time.ts'

it('doubles from one second to a minute', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((failures) =>
    Math.ceil(retryDelayMs(failures, 0.999_999) / 1000),
  )
  expect(longest).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
})

it('has a random second half, so that many clients do not come back at once', () => {
  expect([0, 0.25, 0.5].map((random) => retryDelayMs(3, random))).toEqual([4000, 5000, 6000])
})
