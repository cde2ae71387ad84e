/** A short run of the simulation that `npm run simulate` prints (DESIGN section 6). */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { everyStore } from '../../support/every-store.ts'
import { play } from './strangers.ts'
import { DEFAULT_POLICY, LIFE, percent, WITHOUT_STRANGERS } from './strangers-table.ts'

const SHORT = { ...LIFE, days: 6, policy: DEFAULT_POLICY, seed: 14 }

describe('an author with four known requesters and four strangers a day', () => {
  it.each(everyStore())(
    'gives each a fresh package in peace, and nobody is looked up, on %s',
    async (_, open) => {
      const store = await open()
      const { known, strangers, lookUps } = await play(store, { ...SHORT, days: 2, attackerAddresses: 0 })
      await store.close()
      expect([percent(known), percent(strangers), lookUps]).toEqual([100, 100, 0])
    },
  )

  it('gives known requesters fresh ones against 10,000 addresses, and loses 24 a day', async () => {
    const { known, lostPerDay } = await play(memoryStore(), { ...SHORT, attackerAddresses: 10_000 })
    expect(percent(known)).toBeGreaterThanOrEqual(98)
    // The first window has not slid yet.
    expect(lostPerDay).toBeLessThanOrEqual(24 + 1 / SHORT.days)
  })

  it('loses little to one address', async () => {
    const result = await play(memoryStore(), { ...SHORT, attackerAddresses: 1 })
    expect([percent(result.known), result.lostPerDay < 5]).toEqual([100, true])
  })

  it('loses everything without the stranger rule', async () => {
    const plot = { ...SHORT, attackerAddresses: 100, policy: WITHOUT_STRANGERS }
    expect(percent((await play(memoryStore(), plot)).known)).toBeLessThan(20)
  })
})
