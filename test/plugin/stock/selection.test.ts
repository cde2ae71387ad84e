/** Which packages a claim chooses and in what order, and which a narrowing or a deletion means. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { choose, isNewer, meets } from '../../../plugin/stock/selection.ts'
import type { StockedPackage } from '../../../plugin/store.ts'
import { authorNamed, claimBy, NOW, packageNamed, slotNamed } from '../../contract/index.ts'

const alice = authorNamed('alice')

const packages: fc.Arbitrary<StockedPackage> = fc
  .record({
    name: fc.nat(50),
    createdAt: fc.integer({ min: NOW - 3, max: NOW }),
    lastResort: fc.boolean(),
    isExposed: fc.boolean(),
  })
  .map(({ name, isExposed, ...rest }) =>
    packageNamed(`${name}`, alice, { ...rest, ...(isExposed && { exposure: { since: NOW, count: 1 } }) }),
  )
const stocks = fc.uniqueArray(packages, { maxLength: 8, selector: ({ id }) => id })
const maxima = fc.integer({ min: 1, max: 3 })

describe('choosing', () => {
  it('takes fresh before exposed, last_resort last, then the oldest, then the lowest id', () => {
    fc.assert(
      fc.property(stocks, maxima, (stock, maximum) => {
        const rank = ({ exposure, lastResort, createdAt, id }: StockedPackage) =>
          `${Number(exposure !== undefined)} ${Number(lastResort)} ${createdAt} ${id}`
        const ranked = stock.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))
        const chosen = choose(stock, claimBy('bob', alice, { maximum }))
        expect(chosen).toEqual(ranked.slice(0, maximum))
      }),
      { seed: 3 },
    )
  })

  it('takes an exposed package only when every fresh one goes with it, however it is narrowed (I1)', () => {
    fc.assert(
      fc.property(stocks, maxima, fc.nat(255), (stock, maximum, mask) => {
        const ids = stock.filter((_, index) => (mask >> index) & 1).map(({ id }) => id)
        const narrowings = [{ kinds: [443], ids }]
        const chosen = choose(stock, claimBy('bob', alice, { maximum, narrowings }))
        expect(chosen.every(({ id }) => ids.includes(id))).toBe(true)
        if (chosen.every(({ exposure }) => exposure === undefined)) return
        const fresh = stock.filter(({ exposure }) => exposure === undefined)
        expect(chosen).toEqual(expect.arrayContaining(fresh))
      }),
      { seed: 4 },
    )
  })

  it('leaves slots alone', () => {
    const one = packageNamed('one', alice)
    const request = claimBy('bob', alice, { maximum: 9 })
    expect(choose([slotNamed('phone', alice, 'phone'), one], request)).toEqual([one])
  })
})

describe('a narrowing (NIP-01)', () => {
  const pkg = packageNamed('one', alice, {
    createdAt: NOW,
    tags: [
      ['i', 'ref'],
      ['p', 'x'],
    ],
  })

  it.each([
    [{ kinds: [443] }, true],
    [{ kinds: [30443] }, false],
    [{ kinds: [443], ids: [pkg.id, 'other'] }, true],
    [{ kinds: [443], ids: [] }, false],
    [{ kinds: [443], since: NOW, until: NOW }, true],
    [{ kinds: [443], since: NOW + 1 }, false],
    [{ kinds: [443], until: NOW - 1 }, false],
    [{ kinds: [443], tags: [['i', ['other', 'ref']] as const] }, true],
    [{ kinds: [443], tags: [['i', ['ref']] as const, ['p', ['y']] as const] }, false],
    [{ kinds: [443], tags: [['d', ['ref']] as const] }, false],
  ])('%j meets: %j', (narrowing, isMet) => {
    expect(meets(pkg, narrowing)).toBe(isMet)
  })
})

describe('the newer of two packages (NIP-01)', () => {
  it('is the one created later, or the one with the lower id', () => {
    const [low, high] = ['a', 'b']
      .map((name) => packageNamed(name, alice))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    if (low === undefined || high === undefined) throw new Error('two packages')
    expect(isNewer(low, high)).toBe(true)
    expect(isNewer(high, low)).toBe(false)
    expect(isNewer({ ...high, createdAt: low.createdAt + 1 }, low)).toBe(true)
  })
})
