/** What is remembered of a delivery, so that it can be repeated or undone. */

import { describe, expect, it } from '@jest/globals'
import { claim } from '../../../plugin/stock/claim.ts'
import {
  type Delivery,
  deliveryOf,
  findRepeatable,
  forget,
  undo,
  withDelivery,
} from '../../../plugin/stock/deliveries.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { authorNamed, claimBy, NOW, POLICY, packageNamed } from '../../contract/index.ts'

const ALICE = authorNamed('alice')
const BY_BOB = claimBy('bob', ALICE)
const REDELIVERING = { ...POLICY, redeliverySeconds: 60 }
const ONE = packageNamed('one', ALICE)
const TWO = packageNamed('two', ALICE)
const LAST = packageNamed('last', ALICE)
/** Two packages spent, and the shared one beside them. */
const DELIVERY: Delivery = deliveryOf([ONE, TWO], LAST, BY_BOB, REDELIVERING, NOW)

describe('a delivery', () => {
  it('is remembered for the time in which it can be repeated, a minute at least', () => {
    const keptFor = (redeliverySeconds: number) =>
      deliveryOf([ONE], undefined, BY_BOB, { ...POLICY, redeliverySeconds }, NOW).keptUntil - NOW
    expect([0, 59, 61].map(keptFor)).toEqual([60, 60, 61])
  })

  it('of the shared package alone is not remembered where nothing is repeated', () => {
    const stock: Stock = { packages: [LAST], deliveries: [] }
    const after = (policy: typeof POLICY) => claim(stock, () => undefined, BY_BOB, policy, NOW).stock
    expect(after(POLICY)?.deliveries).toEqual([])
    expect(after(REDELIVERING)?.deliveries).toHaveLength(1)
  })

  it('is undone in part where only some of its packages could not be sent', () => {
    const { deliveries, restored } = undo([DELIVERY], [ONE.id])
    expect(restored).toEqual([ONE])
    expect(deliveries).toEqual([{ ...DELIVERY, spent: [TWO] }])
    const again = undo(deliveries, [ONE.id])
    expect(again).toEqual({ deliveries, restored: [] })
    expect(undo(deliveries, [TWO.id, LAST.id])).toEqual({ deliveries: [], restored: [TWO] })
  })

  it('of the shared package can be undone beside those that were spent with it, which stay spent', () => {
    const { last: _, ...rest } = DELIVERY
    expect(undo([DELIVERY], [LAST.id])).toEqual({ deliveries: [rest], restored: [] })
    expect(undo([{ ...DELIVERY, spent: [] }], [LAST.id])).toEqual({ deliveries: [], restored: [] })
  })

  it('that was repeated is undone once for each time, if all its packages are (I1)', () => {
    const twice = { ...DELIVERY, times: 2 }
    const all = [ONE.id, TWO.id, LAST.id]
    expect(undo([twice], all)).toEqual({ deliveries: [DELIVERY], restored: [] })
    expect(undo([twice], [ONE.id, LAST.id])).toEqual({ deliveries: [twice], restored: [] })
  })

  it('is undone alone: the newest of several with that package', () => {
    const other = deliveryOf([packageNamed('other', ALICE)], LAST, claimBy('carol', ALICE), REDELIVERING, NOW)
    const { last: _, ...rest } = other
    expect(undo([DELIVERY, other], [LAST.id])).toEqual({ deliveries: [DELIVERY, rest], restored: [] })
    expect(undo([DELIVERY, other], [ONE.id])).toEqual({
      deliveries: [{ ...DELIVERY, spent: [TWO] }, other],
      restored: [ONE],
    })
    const unknown = packageNamed('unknown', ALICE).id
    expect(undo([DELIVERY, other], [unknown])).toEqual({ deliveries: [DELIVERY, other], restored: [] })
  })

  it('loses a package that is gone for good, and is forgotten with the last one', () => {
    expect(forget([DELIVERY], ({ id }) => id === ONE.id)).toEqual([{ ...DELIVERY, spent: [TWO] }])
    const { last: _, ...ofOneTime } = DELIVERY
    expect(forget([ofOneTime], () => true)).toEqual([])
    expect(forget([DELIVERY], () => true)).toEqual([{ ...DELIVERY, spent: [] }])
    expect(withDelivery([], { ...ofOneTime, spent: [] })).toEqual([])
  })

  it('is repeated to its recipient, under their present and former names: the newest of them', () => {
    const older = { ...DELIVERY, deliveredAt: NOW - 59 }
    const find = (deliveries: readonly Delivery[], request = BY_BOB) =>
      findRepeatable(deliveries, request, REDELIVERING, NOW)
    expect(find([older])).toBe(older)
    expect(find([older, DELIVERY])).toBe(DELIVERY)
    expect(find([{ ...older, deliveredAt: NOW - 60 }])).toBeUndefined()
    expect(find([{ ...older, deliveredAt: NOW + 60 }])).toBeUndefined()
    expect(find([DELIVERY], claimBy('carol', ALICE))).toBeUndefined()
    expect(find([DELIVERY], claimBy('carol', ALICE, { formerly: 'bob' }))).toBe(DELIVERY)
  })
})
