/** How packages leave a stock other than by a claim: what is left of it, and what is said of them. */

import { describe, expect, it } from '@jest/globals'
import { claim } from '../../../plugin/stock/claim.ts'
import { offer } from '../../../plugin/stock/offer.ts'
import {
  drop,
  expire,
  rank,
  release,
  remember,
  type Stock,
  settle,
  sweep,
} from '../../../plugin/stock/stock.ts'
import { aliasOf, withAliasOf } from '../../../plugin/stock/twins.ts'
import type { StockedPackage } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  deletionOf,
  HOUR,
  LIMITS,
  NO_DELETIONS,
  NOW,
  POLICY,
  packageNamed,
  slotNamed,
} from '../../contract/index.ts'

const ALICE = authorNamed('alice')
const unknown = () => undefined

describe('an author of whom a store has never heard', () => {
  it('stays so, where a deletion or another store has nothing to remember', () => {
    const ended = deletionOf({ everything: true, keptUntil: NOW })
    expect(drop(undefined, ended, unknown, NOW)).toEqual({
      stock: undefined,
      removed: [],
      outcome: { outcome: 'deleted', count: 0 },
    })
    const nothing = { names: [], deletions: NO_DELETIONS }
    expect(remember(undefined, nothing, unknown, NOW)).toEqual({ stock: undefined, removed: [], names: [] })
  })

  it('is one from then on, where there is a deletion or a spent package to remember', () => {
    const empty: Stock = { packages: [], deliveries: [] }
    const everything = [NOW, NOW + HOUR] as const
    const deletions = { ...NO_DELETIONS, everything }
    const deletion = deletionOf({ everything: true, keptUntil: NOW + HOUR })
    expect(drop(undefined, deletion, unknown, NOW).stock).toEqual({ ...empty, deletions })
    expect(remember(undefined, { names: [], deletions }, unknown, NOW).stock).toEqual({ ...empty, deletions })
    const names = [{ name: 'spent', expiresAt: NOW + HOUR }]
    expect(remember(undefined, { names, deletions: NO_DELETIONS }, unknown, NOW)).toEqual({
      stock: empty,
      removed: [],
      names,
    })
  })
})

describe('a claimed package', () => {
  it('does not return to the stock if it has expired when its claim is released', () => {
    const [expiring, other] = [packageNamed('a', ALICE, { expiresAt: NOW + 30 }), packageNamed('b', ALICE)]
    const claimed: Stock = {
      packages: [other],
      deliveries: [{ requester: 'bob', deliveredAt: NOW, keptUntil: NOW + 60, times: 1, spent: [expiring] }],
    }
    expect(release(claimed, [expiring.id], NOW + 29).stock.packages).toEqual([other, expiring])
    expect(release(claimed, [expiring.id], NOW + 30)).toEqual({
      stock: { packages: [other], deliveries: [] },
      removed: [],
    })
  })

  it('does not return as an alias if it has expired when its slot arrives', () => {
    const claimed = packageNamed('claimed', ALICE, { expiresAt: NOW + 30 })
    const slot: StockedPackage = { ...slotNamed('slot', ALICE, 'phone'), ref: claimed.ref }
    const delivery = { requester: 'bob', deliveredAt: NOW, keptUntil: NOW + 60, times: 1, spent: [claimed] }
    const content = { packages: [], deliveries: [delivery] }
    expect(withAliasOf(slot, content, NOW + 29)).toEqual({ packages: [aliasOf(claimed)], deliveries: [] })
    expect(withAliasOf(slot, content, NOW + 30)).toEqual({ packages: [], deliveries: [] })
  })
})

describe('an alias', () => {
  it('expires with its slot, whatever finds that out', () => {
    const slot = slotNamed('slot', ALICE, 'phone', { expiresAt: NOW })
    const alias = aliasOf({ ...packageNamed('alias', ALICE), ref: slot.ref })
    const stock: Stock = { packages: [slot, alias, packageNamed('other', ALICE)], deliveries: [] }
    const expired = [slot, alias].map(({ id, ref, kind }) => ({ id, ref, kind, why: 'expired' }))
    expect(release(stock, [], NOW).removed).toEqual(expired)
    expect(sweep(stock, 600, NOW).removed).toEqual(expired)
    expect(claim(stock, unknown, claimBy('bob', ALICE), POLICY, NOW).removed).toEqual(expired)
    const put = offer(stock, undefined, packageNamed('new', ALICE), unknown, LIMITS, NOW)
    expect(put.removed).toEqual(expired)
  })

  it('is deleted with its slot', () => {
    const slot = slotNamed('slot', ALICE, 'phone')
    const alias = aliasOf({ ...packageNamed('alias', ALICE), ref: slot.ref })
    const { removed } = drop(
      { packages: [slot, alias], deliveries: [] },
      deletionOf({ slots: ['phone'] }),
      unknown,
      NOW,
    )
    expect(removed).toEqual([slot, alias].map(({ id, ref, kind }) => ({ id, ref, kind, why: 'deleted' })))
  })
})

describe('a shared package', () => {
  const exposed = packageNamed('exposed', ALICE, { exposure: { since: NOW, count: 1 } })
  const received = (at: number) => ['one', 'two'].map((name) => packageNamed(name, ALICE, { receivedAt: at }))

  it('retires beside two packages that came after it was first delivered, not in the same second', () => {
    const withTwo = (at: number): Stock => ({ packages: [exposed, ...received(at)], deliveries: [] })
    expect(settle(withTwo(NOW), 600, NOW + 600).packages).toHaveLength(3)
    expect(settle(withTwo(NOW + 1), 600, NOW + 599).packages).toHaveLength(3)
    expect(settle(withTwo(NOW + 1), 600, NOW + 600).packages).toEqual(received(NOW + 1))
  })

  it('is said to have retired when a package is put', () => {
    const stock: Stock = { packages: [exposed, ...received(NOW + 1)], deliveries: [] }
    const { removed } = offer(stock, undefined, packageNamed('new', ALICE), unknown, LIMITS, NOW + 600)
    expect(removed).toEqual([{ id: exposed.id, ref: exposed.ref, kind: 443, why: 'retired' }])
  })

  it('was delivered once less when one of its claims is released, and is fresh when the last is', () => {
    const { exposure: _, ...fresh } = exposed
    const twice = { ...exposed, exposure: { since: NOW, count: 2 } }
    const after = (pkg: StockedPackage) =>
      release({ packages: [pkg], deliveries: [] }, [pkg.id], NOW).stock.packages
    expect(after(twice)).toEqual([exposed])
    expect(after(exposed)).toEqual([fresh])
    expect(after(fresh)).toEqual([fresh])
  })
})

describe('a stock', () => {
  const stock: Stock = {
    packages: [packageNamed('one', ALICE, { rank: 'a' })],
    deliveries: [],
    takes: [{ at: NOW, keptUntil: NOW + HOUR, count: 1, taker: { address: 'here' } }],
    deletions: { ...NO_DELETIONS, everything: [NOW - HOUR, NOW + HOUR] },
  }

  it('is the same object where nothing changes', () => {
    expect(expire(stock, NOW)).toBe(stock)
    expect(settle(stock, 600, NOW)).toBe(stock)
    expect(rank(stock, new Map([[packageNamed('one', ALICE).id, 'a']]))).toBe(stock)
    expect(rank(stock, new Map([[packageNamed('two', ALICE).id, 'b']]))).toBe(stock)
  })

  it('forgets what strangers have taken, and deletions, once they do not count any more', () => {
    expect(expire(stock, NOW + HOUR)).toEqual({ packages: stock.packages, deliveries: [] })
    expect(expire({ ...stock, takes: [] }, NOW + HOUR - 1)).toEqual({ ...stock, takes: [] })
    const { deletions: _, ...taken } = stock
    expect(expire(taken, NOW + HOUR)).toEqual({ packages: stock.packages, deliveries: [] })
  })

  it('forgets a claim in the second in which it can no longer be undone', () => {
    const delivery = { requester: 'bob', deliveredAt: NOW, keptUntil: NOW + 60, times: 1, spent: [] }
    const claimed: Stock = { packages: stock.packages, deliveries: [delivery] }
    expect(expire(claimed, NOW + 59)).toBe(claimed)
    expect(expire(claimed, NOW + 60).deliveries).toEqual([])
  })

  it('stays as it is when a deletion is refused, because too many are remembered', () => {
    const ids = Array.from({ length: 1001 }, (_, index) => `${index}`)
    expect(drop(stock, deletionOf({ ids }), unknown, NOW)).toEqual({
      stock,
      removed: [],
      outcome: { outcome: 'full' },
    })
  })

  it('loses what has expired, also where another store has nothing to remember', () => {
    const expired = packageNamed('expired', ALICE, { expiresAt: NOW })
    const nothing = { names: [], deletions: NO_DELETIONS }
    expect(remember({ packages: [expired], deliveries: [] }, nothing, unknown, NOW)).toEqual({
      stock: { packages: [], deliveries: [] },
      names: [],
      removed: [{ id: expired.id, ref: expired.ref, kind: 443, why: 'expired' }],
    })
  })

  it('gives other ranks to what is there, and to what a release would bring back', () => {
    const [there, spent] = [packageNamed('one', ALICE), packageNamed('two', ALICE)]
    const delivery = { requester: 'bob', deliveredAt: NOW, keptUntil: NOW + 60, times: 1, spent: [spent] }
    const ranked = rank(
      { packages: [there], deliveries: [delivery] },
      new Map([
        [there.id, 'b'],
        [spent.id, 'c'],
      ]),
    )
    expect(ranked).toEqual({
      packages: [{ ...there, rank: 'b' }],
      deliveries: [{ ...delivery, spent: [{ ...spent, rank: 'c' }] }],
    })
  })
})
