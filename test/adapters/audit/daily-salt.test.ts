/** The hash of a requester in the audit log: the same all day, and a new one every day. */

import { describe, expect, it } from '@jest/globals'
import { DailySalt } from '../../../adapters/audit/daily-salt.ts'

const DAY = 86_400
/** The first second of a day (UTC). */
const MORNING = 1_700_006_400

describe('the hash of a requester', () => {
  it('is the same all day, and different for each requester', () => {
    const salt = new DailySalt()
    const hash = salt.hashOf('bob', 'ask', MORNING)
    expect(hash).toMatch(/^[0-9a-f]{32}$/)
    expect(salt.hashOf('bob', 'ask', MORNING + DAY - 1)).toBe(hash)
    expect(salt.hashOf('carol', 'ask', MORNING)).not.toBe(hash)
  })

  it('is different every day, and never comes back', () => {
    const salt = new DailySalt()
    const days = [MORNING, MORNING + DAY, MORNING].map((day) => salt.hashOf('bob', 'ask', day))
    expect(new Set(days).size).toBe(3)
  })

  it('is different in another domain and in another process', () => {
    const [here, there] = [new DailySalt(), new DailySalt()]
    const hashes = [
      here.hashOf('bob', 'ask', MORNING),
      here.hashOf('bob', 'publish', MORNING),
      there.hashOf('bob', 'ask', MORNING),
    ]
    expect(new Set(hashes).size).toBe(3)
  })
})
