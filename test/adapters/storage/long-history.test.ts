/** I1, I2 and I5 over 10,000 claims in one store: what goes wrong once in a thousand claims is seen. */

import { describe, expect, it } from '@jest/globals'
import { everyStore } from '../../support/every-store.ts'
import { playLongHistory } from '../../support/long-history.ts'

const LONG_MS = 300_000

describe('over a long history', () => {
  it.each(everyStore())(
    'I1, I2 and I5 hold, and no package is lost: %s',
    async (name, open) => {
      const claims = name === 'Redis' ? 2_000 : 10_000
      const store = await open()
      const { faults, reached } = await playLongHistory(store, 1, claims)
      await store.close()
      expect(faults).toEqual([])
      const few = Object.entries(reached).filter(([, times]) => times < claims / 200)
      expect(few).toEqual([])
    },
    LONG_MS,
  )
})
