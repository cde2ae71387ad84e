/** What a store keeps of a stock, and when it forgets the author. */

import { describe, expect, it } from '@jest/globals'
import { dueAt, heardOf, isLow, neededEvents, unneededEvents } from '../../../plugin/stock/bookkeeping.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { authorNamed, HOUR, NO_DELETIONS, NOW, packageNamed, slotNamed } from '../../contract/index.ts'

const ALICE = authorNamed('alice')
const [ONE, TWO] = [packageNamed('one', ALICE), packageNamed('two', ALICE)]
const EMPTY: Stock = { packages: [], deliveries: [] }
const DELIVERY = { requester: 'bob', deliveredAt: NOW, keptUntil: NOW + 60, times: 1, spent: [TWO] }
const DELETIONS = { ...NO_DELETIONS, everything: [NOW, NOW + 2 * HOUR] as const }
const TAKE = { at: NOW, keptUntil: NOW + HOUR, count: 1, taker: { address: 'here' } }

describe('an author', () => {
  it('is heard of while there is a package, a delivery, a deletion or a name', () => {
    expect(heardOf(undefined, 0)).toBeUndefined()
    expect(heardOf(undefined, 1)).toBeUndefined()
    expect(heardOf(EMPTY, 0)).toBeUndefined()
    expect(heardOf({ ...EMPTY, takes: [TAKE] }, 0)).toBeUndefined()
    expect(heardOf(EMPTY, 1)).toBe(EMPTY)
    for (const something of [{ packages: [ONE] }, { deliveries: [DELIVERY] }, { deletions: DELETIONS }]) {
      const stock = { ...EMPTY, ...something }
      expect(heardOf(stock, 0)).toBe(stock)
    }
  })
})

describe('the next change of a stock by itself', () => {
  it('is the first of what expires, retires, or is forgotten', () => {
    const stock: Stock = { packages: [ONE], deliveries: [DELIVERY], deletions: DELETIONS, takes: [TAKE] }
    expect(dueAt(stock, 600)).toBe(DELIVERY.keptUntil)
    expect(dueAt({ ...stock, deliveries: [] }, 600)).toBe(TAKE.keptUntil)
    expect(dueAt({ ...stock, deliveries: [], takes: [] }, 600)).toBe(NOW + 2 * HOUR)
    expect(dueAt({ packages: [ONE], deliveries: [] }, 600)).toBe(ONE.expiresAt)
    expect(dueAt(EMPTY, 600)).toBeUndefined()
  })

  it('is that of a shared package beside two that came later, and of no other', () => {
    const exposed = packageNamed('exposed', ALICE, { exposure: { since: NOW, count: 1 } })
    const later = [ONE, TWO].map((pkg) => ({ ...pkg, receivedAt: NOW + 1 }))
    expect(dueAt({ packages: [exposed, ...later], deliveries: [] }, 600)).toBe(NOW + 600)
    expect(dueAt({ packages: [exposed, ...later.slice(1)], deliveries: [] }, 600)).toBe(ONE.expiresAt)
  })
})

describe('the events that a store keeps', () => {
  it('are those of the packages in stock, and of those that a release would bring back', () => {
    expect(neededEvents({ packages: [ONE], deliveries: [DELIVERY] })).toEqual(new Set([ONE.id, TWO.id]))
  })

  it('can be deleted once neither is the case any more', () => {
    const before: Stock = { packages: [ONE], deliveries: [DELIVERY] }
    expect(unneededEvents(before, before)).toEqual([])
    expect(unneededEvents(before, { ...before, packages: [] })).toEqual([ONE.id])
    expect(unneededEvents(before, EMPTY)).toEqual([ONE.id, TWO.id])
  })
})

describe('a claim', () => {
  it('leaves a low stock if it took a one-time package and fewer than that are fresh', () => {
    const delivered = { outcome: 'delivered', sharedUsed: false, freshTaken: 1, counted: true } as const
    expect(isLow({ ...delivered, packages: [ONE], remaining: 4 }, 5)).toBe(true)
    expect(isLow({ ...delivered, packages: [ONE], remaining: 5 }, 5)).toBe(false)
    expect(isLow({ ...delivered, packages: [slotNamed('slot', ALICE, 'phone')], remaining: 0 }, 5)).toBe(
      false,
    )
    expect(isLow({ outcome: 'none' }, 5)).toBe(false)
  })
})
