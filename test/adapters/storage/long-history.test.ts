/** I1, I2 and I5 over 10,000 claims in one store: what goes wrong once in a thousand claims is seen. */

import { describe, expect, it } from '@jest/globals'
import { everyStore } from '../../support/every-store.ts'
import { playLongHistory } from '../../support/long-history.ts'

const LONG_MS = 300_000
/** The longest is on the store that is fastest; all run the same rules. */
const CLAIMS: Readonly<Record<string, number>> = { memory: 10_000, LMDB: 4_000, Redis: 1_000 }

describe('over a long history', () => {
  it.each(everyStore())(
    'I1, I2 and I5 hold, and no package is lost: %s',
    async (name, open) => {
      const claims = CLAIMS[name] ?? 10_000
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
