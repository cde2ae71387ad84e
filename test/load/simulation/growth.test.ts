/** A short run of the simulation: what somebody can add to a store is bounded by their addresses, and a week later it is gone. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { LmdbStores } from '../../support/stores.ts'
import { GrowthSimulation } from './growth.ts'

const lmdb = new LmdbStores()
const STORES: readonly (readonly [string, () => MovableStore])[] = [
  ['memory', memoryStore],
  ['LMDB', () => lmdb.open()],
]
const [ADDRESSES, HOURS, PER_HOUR] = [2, 3, 30]
const PER_MINUTE = 60

describe.each(STORES)('somebody who makes up authors at full speed, on %s', (_name, open) => {
  it.each([['key packages'], ['relay lists'], ['deletions']] as const)(
    'adds so many %s an hour and address',
    async (what) => {
      const store = open()
      const simulation = new GrowthSimulation(store)
      const growth = await simulation.attack({ what, addresses: ADDRESSES, hours: HOURS })
      expect(growth).toEqual({
        authors: ADDRESSES * HOURS * PER_HOUR,
        // Each is refused once a minute, and may go on once an hour has passed.
        refused: ADDRESSES * HOURS * PER_MINUTE,
        reasons: ['rate-limited: N new authors per N s from one address; try again in N s'],
      })
      expect(await simulation.count()).toBe(growth.authors)
      // Others are not affected.
      expect(await simulation.publishFrom('192.0.2.1')).toBe('')
      await simulation.wait(8)
      expect(await simulation.count()).toBe(what === 'relay lists' ? 1 : growth.authors + 1)
      await simulation.wait(91)
      expect(await simulation.count()).toBe(0)
      simulation.close()
      await store.close()
    },
  )

  it('adds no more than stock.maxAuthors from however many addresses', async () => {
    const store = open()
    const simulation = new GrowthSimulation(store, { stock: { maxAuthors: 100 } })
    const growth = await simulation.attack({ what: 'key packages', addresses: 8, hours: 1 })
    expect(growth.reasons).toContain('blocked: this relay takes no more authors')
    expect(growth.authors).toBe(100)
    expect(await simulation.count()).toBe(100)
    simulation.close()
    await store.close()
  })
})
