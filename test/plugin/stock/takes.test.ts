/** What is remembered of the fresh packages that claims took: by whom, for how long, and when it is given back. */

import { describe, expect, it } from '@jest/globals'
import { claim } from '../../../plugin/stock/claim.ts'
import { release, type Stock } from '../../../plugin/stock/stock.ts'
import {
  currentTakes,
  reserveOf,
  shareOf,
  type Take,
  type Taker,
  takeSeconds,
  withoutTake,
  withTake,
} from '../../../plugin/stock/strangers.ts'
import type { Claim, ClaimPolicy, CountedClaim } from '../../../plugin/store.ts'
import { authorNamed, claimBy, DAY, HOUR, hex, NOW, POLICY, packageNamed } from '../../contract/index.ts'

const ALICE = authorNamed('alice')
const HERE: Taker = { address: 'here' }
const NEARBY: Taker = { address: 'nearby', network: 'this network' }
const BOB: Taker = { knownAs: hex('bob') }
const STRANGERS: ClaimPolicy = { ...POLICY, strangers: { max: 12, windowSeconds: 12 * HOUR } }
const LIMITED: ClaimPolicy = { ...STRANGERS, freshPerAddress: { max: 1, windowSeconds: DAY } }

function takeOf(taker: Taker, at = NOW, count = 1): Take {
  return { at, keptUntil: at + DAY, count, taker }
}

function stockOf(count: number, takes: readonly Take[] = []): Stock {
  const packages = Array.from({ length: count }, (_, index) => packageNamed(`${index}`, ALICE))
  return { packages, deliveries: [], takes }
}

function shareFor(stock: Stock, overrides: Partial<Claim>, policy = LIMITED, wanted = 1) {
  return shareOf(stock, claimBy('bob', ALICE, { address: 'here', ...overrides }), wanted, policy, NOW)
}

describe('what a claim has taken', () => {
  it('is remembered as long as a quota of strangers counts it, or a day of somebody known', () => {
    const kept = (taker: Taker, policy: ClaimPolicy) =>
      withTake(undefined, { fresh: 1, taker }, 1, policy, NOW)
    expect(kept(HERE, STRANGERS)).toEqual([{ ...takeOf(HERE), keptUntil: NOW + 12 * HOUR }])
    expect(kept(HERE, LIMITED)).toEqual([takeOf(HERE)])
    expect(kept(HERE, POLICY)).toBeUndefined()
    expect(kept(BOB, POLICY)).toEqual([takeOf(BOB)])
    expect(takeSeconds(POLICY)).toBeUndefined()
    expect(takeSeconds({ keep: 0, freshPerAddress: { max: 1, windowSeconds: HOUR } })).toBe(HOUR)
  })

  it('is added to what others took, if it took anything', () => {
    const takes = [takeOf(BOB)]
    const share = { fresh: 2, taker: HERE }
    expect(withTake(takes, share, 2, LIMITED, NOW)).toEqual([takeOf(BOB), takeOf(HERE, NOW, 2)])
    expect(withTake(takes, share, 0, LIMITED, NOW)).toBe(takes)
  })

  it('counts until then: the same array while all of it does, and nothing once none does', () => {
    const takes = [takeOf(HERE), takeOf(NEARBY, NOW + 1)]
    expect(currentTakes(undefined, NOW)).toBeUndefined()
    expect(currentTakes(takes, NOW + DAY - 1)).toBe(takes)
    expect(currentTakes(takes, NOW + DAY)).toEqual([takeOf(NEARBY, NOW + 1)])
    expect(currentTakes(takes, NOW + DAY + 1)).toBeUndefined()
  })

  it('is given back where time, number and address are those of the claim, the newest alone', () => {
    const counted: CountedClaim = {
      requester: 'bob',
      address: 'here',
      policy: LIMITED,
      freshTaken: 1,
      at: NOW,
    }
    const others = [takeOf({ address: 'there' }), takeOf(HERE, NOW - 1), takeOf(HERE, NOW, 2), takeOf(BOB)]
    expect(withoutTake([takeOf(HERE), ...others], counted)).toEqual(others)
    expect(withoutTake([...others, takeOf(HERE)], counted)).toEqual(others)
    expect(withoutTake([takeOf(HERE), takeOf(BOB), takeOf(HERE)], counted)).toEqual([
      takeOf(HERE),
      takeOf(BOB),
    ])
    expect(withoutTake(others, counted)).toBe(others)
    expect(withoutTake([takeOf(HERE)], counted)).toBeUndefined()
    expect(withoutTake(undefined, counted)).toBeUndefined()
    const nothing = [takeOf(HERE, NOW, 0)]
    expect(withoutTake(nothing, { ...counted, freshTaken: 0 })).toBe(nothing)
  })

  it('is given back with a released claim, if the claim says what it counted', () => {
    const request = claimBy('bob', ALICE, { address: 'here', standing: 'stranger' })
    const { stock, choice } = claim(stockOf(10), () => undefined, request, LIMITED, NOW)
    if (stock === undefined || choice.outcome !== 'delivered') throw new Error('the claim delivers')
    const ids = choice.packages.map(({ id }) => id)
    const counted = { requester: 'bob', address: 'here', policy: LIMITED, freshTaken: 1, at: NOW }
    expect(release(stock, ids, NOW).stock.takes).toEqual([takeOf(HERE)])
    expect(release(stock, ids, NOW, counted).stock.takes).toBeUndefined()
  })
})

describe('the share of a claim', () => {
  it('of somebody known is what can be spent, until they have taken three in a day', () => {
    const standing = { knownAs: hex('bob') }
    expect(shareFor(stockOf(10), { standing })).toEqual({ fresh: 3, taker: BOB })
    expect(shareFor(stockOf(3), { standing })).toEqual({ fresh: 2, taker: BOB })
    expect(shareFor(stockOf(10, [takeOf(BOB, NOW - DAY + 1, 2)]), { standing })).toEqual({
      fresh: 1,
      taker: BOB,
    })
    expect(shareFor(stockOf(10, [takeOf(BOB, NOW - DAY, 2)]), { standing })).toEqual({ fresh: 3, taker: BOB })
    expect(shareFor(stockOf(10, [takeOf(BOB, NOW, 3)]), { standing })).toEqual({ fresh: 1, taker: HERE })
    const others = [takeOf({ knownAs: hex('carol') }, NOW, 3), takeOf(HERE, NOW, 3)]
    expect(shareFor(stockOf(10, others), { standing })).toEqual({ fresh: 3, taker: BOB })
  })

  it('of a stranger is what is left of that of their address, and of ten times that in their network', () => {
    const standing = 'stranger'
    expect(shareFor(stockOf(10), { standing })).toEqual({ fresh: 1, taker: HERE })
    expect(shareFor(stockOf(10, [takeOf(HERE)]), { standing })).toEqual({ fresh: 0, taker: HERE })
    expect(shareFor(stockOf(10, [takeOf(HERE, NOW - DAY)]), { standing })).toEqual({ fresh: 1, taker: HERE })
    const network = 'this network'
    const taker = { ...HERE, network }
    const wide = { ...LIMITED, strangers: { max: 100, windowSeconds: DAY } }
    const nine = [takeOf(NEARBY, NOW, 9)]
    expect(shareFor(stockOf(40, nine), { standing, network }, wide)).toEqual({ fresh: 1, taker })
    const ten = [takeOf(NEARBY, NOW, 10)]
    expect(shareFor(stockOf(40, ten), { standing, network }, wide)).toEqual({ fresh: 0, taker })
    expect(shareFor(stockOf(40, ten), { standing, network: 'another' }, wide)).toMatchObject({ fresh: 1 })
    expect(shareFor(stockOf(40, ten), { standing }, wide)).toEqual({ fresh: 1, taker: HERE })
    const { freshPerAddress: _, ...anywhere } = wide
    expect(shareFor(stockOf(40, ten), { standing, network }, anywhere)).toMatchObject({ fresh: 39 })
  })

  it('of strangers includes the package that they will share, and none of what is kept', () => {
    const standing = 'stranger'
    const share = (size: number, policy: ClaimPolicy, takes: readonly Take[] = []) => {
      const found = shareFor(stockOf(size, takes), { standing }, policy)
      return found === 'needs-known' ? found : found.fresh
    }
    const two = { ...POLICY, strangers: { max: 2, windowSeconds: HOUR } }
    expect(share(10, two)).toBe(1)
    expect(share(10, two, [takeOf(NEARBY, NOW - HOUR + 1)])).toBe(0)
    expect(share(10, two, [takeOf(NEARBY, NOW - HOUR)])).toBe(1)
    expect(share(10, two, [takeOf(BOB)])).toBe(1)
    const keeping = { ...POLICY, keep: 3 }
    expect([1, 2, 3, 4, 7, 10].map((size) => share(size, keeping))).toEqual([0, 1, 1, 2, 3, 6])
    const both = { ...STRANGERS, keep: 3 }
    expect(share(4, both, [takeOf(NEARBY, NOW, 3)])).toBe(0)
    expect(share(5, both, [takeOf(NEARBY, NOW, 3)])).toBe(1)
  })

  it('is to be looked up where a known requester would be given more of what is wanted, and only there', () => {
    const used = [takeOf(HERE)]
    expect(shareFor(stockOf(10, used), {})).toBe('needs-known')
    expect(shareFor(stockOf(10, used), { standing: 'stranger' })).toEqual({ fresh: 0, taker: HERE })
    expect(shareFor(stockOf(1, used), {})).toEqual({ fresh: 0, taker: HERE })
    expect(shareFor(stockOf(10), {})).toEqual({ fresh: 1, taker: HERE })
    expect(shareFor(stockOf(10), {}, LIMITED, 2)).toBe('needs-known')
    expect(shareFor(stockOf(10, used), {}, LIMITED, 0)).toEqual({ fresh: 0, taker: HERE })
  })
})

describe('a claim', () => {
  const claimOf = (stock: Stock, overrides: Partial<Claim> = {}) =>
    claim(stock, () => undefined, claimBy('bob', ALICE, { address: 'here', ...overrides }), LIMITED, NOW)
  const used = [takeOf(HERE)]

  it('is answered without a look-up where somebody known would get no more', () => {
    expect(claimOf(stockOf(10)).choice).toMatchObject({ outcome: 'delivered', freshTaken: 1 })
    expect(claimOf(stockOf(10, used)).choice).toEqual({ outcome: 'needs-known' })
  })

  it('of a stranger who has had their share gets the shared package, and exposes no other (I1)', () => {
    const { stock, choice } = claimOf(stockOf(10, used), { standing: 'stranger' })
    expect(choice).toMatchObject({ outcome: 'delivered', sharedUsed: true, freshTaken: 1, remaining: 9 })
    const exposed = stock?.packages.filter(({ exposure }) => exposure !== undefined)
    expect(exposed).toEqual(
      'packages' in choice && [{ ...choice.packages[0], exposure: { since: NOW, count: 1 } }],
    )
    const again = claimOf({ ...stockOf(10, used), packages: stock?.packages ?? [] }, { standing: 'stranger' })
    expect(again.choice).toMatchObject({ sharedUsed: true, freshTaken: 0, remaining: 9 })
  })
})

describe('the reserve', () => {
  it('is exact until the oldest take of a stranger leaves their window', () => {
    const reserve = (takes: readonly Take[]) => reserveOf(stockOf(10, takes), STRANGERS, NOW)
    expect(reserve([])).toEqual({ count: 1, exactUntil: NOW + 12 * HOUR })
    const two = [takeOf(HERE, NOW - 2 * HOUR), takeOf(NEARBY, NOW - HOUR)]
    expect(reserve(two)).toEqual({ count: 1, exactUntil: NOW + 10 * HOUR })
    expect(reserve([takeOf(HERE, NOW - 12 * HOUR)])).toEqual({ count: 1, exactUntil: NOW + 12 * HOUR })
    expect(reserve([takeOf(BOB, NOW - HOUR)])).toEqual({ count: 1, exactUntil: NOW + 12 * HOUR })
    expect(reserve([takeOf(HERE, NOW, 5)]).count).toBe(4)
  })

  it('is exact for now alone where packages are kept and nobody counts the takes', () => {
    expect(reserveOf(stockOf(10), { keep: 3 }, NOW)).toEqual({ count: 4, exactUntil: NOW })
    expect(reserveOf({ packages: stockOf(10).packages }, STRANGERS, NOW).exactUntil).toBe(NOW + 12 * HOUR)
  })
})
