/** Under which name the audit log knows a requester: the same all day, and never again. */

import { describe, expect, it } from '@jest/globals'
import { DailySalt } from '../../../adapters/audit/daily-salt.ts'

const DAY = 86_400
/** The first second of a day (UTC). */
const MORNING = 1_700_006_400

describe('the name of a requester', () => {
  it('is the same all day, and tells requesters apart', () => {
    const salt = new DailySalt()
    const name = salt.nameOf('bob', 'ask', MORNING)
    expect(name).toMatch(/^[0-9a-f]{32}$/)
    expect(salt.nameOf('bob', 'ask', MORNING + DAY - 1)).toBe(name)
    expect(salt.nameOf('carol', 'ask', MORNING)).not.toBe(name)
  })

  it('is another one on another day, and never again what it was', () => {
    const salt = new DailySalt()
    const days = [MORNING, MORNING + DAY, MORNING].map((day) => salt.nameOf('bob', 'ask', day))
    expect(new Set(days).size).toBe(3)
  })

  it('is another one in another domain, and in another process', () => {
    const [here, there] = [new DailySalt(), new DailySalt()]
    const names = [
      here.nameOf('bob', 'ask', MORNING),
      here.nameOf('bob', 'publish', MORNING),
      there.nameOf('bob', 'ask', MORNING),
    ]
    expect(new Set(names).size).toBe(3)
  })
})
