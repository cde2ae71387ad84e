/** Who may take fresh packages of an author, and who gets the shared one (DESIGN section 6). */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { claim } from '../../../plugin/stock/claim.ts'
import { isFresh, isOneTime } from '../../../plugin/stock/selection.ts'
import { release, type Stock, settle } from '../../../plugin/stock/stock.ts'
import { shareOf, type Take } from '../../../plugin/stock/strangers.ts'
import type { Claim, ClaimOutcome, ClaimPolicy, StockedPackage } from '../../../plugin/store.ts'
import { authorNamed, claimBy, DAY, HOUR, hex, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { histories } from '../../support/histories.ts'
import { ALICE, play } from '../../support/simulation.ts'

const alice = authorNamed('alice')
const DEFAULTS: ClaimPolicy = {
  ...POLICY,
  strangers: { max: 12, windowSeconds: 12 * HOUR },
  freshPerAddress: { max: 1, windowSeconds: DAY },
  keep: 3,
}
const STRANGER: Partial<Claim> = { standing: 'stranger' }
const BOB: Partial<Claim> = { standing: { knownAs: hex('bob') } }

class Author {
  #stock: Stock
  readonly #policy: ClaimPolicy
  now = NOW

  constructor(size: number, policy: ClaimPolicy = DEFAULTS) {
    this.#policy = policy
    this.#stock = { packages: packages(size, 'first'), deliveries: [] }
  }

  get fresh(): number {
    return this.#stock.packages.filter(isFresh).length
  }

  get exposed(): readonly StockedPackage[] {
    return this.#stock.packages.filter((pkg) => isOneTime(pkg) && !isFresh(pkg))
  }

  claim(requester: string, overrides: Partial<Claim> = {}): ClaimOutcome<StockedPackage> {
    const request = claimBy(requester, alice, overrides)
    const { stock, choice } = claim(this.#stock, () => undefined, request, this.#policy, this.now)
    this.#stock = stock ?? this.#stock
    return choice
  }

  refill(size: number): void {
    const settled = settle(this.#stock, 600, this.now)
    const missing = size - settled.packages.length
    const added = packages(missing, `at ${this.now}`).map((pkg) => ({ ...pkg, receivedAt: this.now }))
    this.#stock = { ...settled, packages: [...settled.packages, ...added] }
  }

  release(outcome: ClaimOutcome<StockedPackage>): void {
    const ids = outcome.outcome === 'delivered' ? outcome.packages.map(({ id }) => id) : []
    this.#stock = release(this.#stock, ids, this.now).stock
  }
}

function packages(count: number, name: string): StockedPackage[] {
  return Array.from({ length: count }, (_, index) =>
    packageNamed(`${name} ${index}`, alice, { receivedAt: NOW }),
  )
}

/** What a claim delivered: fresh packages, the shared one, or nothing. */
function what(outcome: ClaimOutcome<StockedPackage>): string {
  if (outcome.outcome !== 'delivered') return outcome.outcome
  return outcome.sharedUsed ? 'shared' : 'fresh'
}

describe('strangers', () => {
  it('leave an author of ten packages three fresh ones and one that is shared, however many they are', () => {
    const author = new Author(10)
    const delivered = Array.from({ length: 40 }, (_, index) => what(author.claim(`${index}`, STRANGER)))
    expect(delivered.slice(0, 7)).toEqual([...new Array<string>(6).fill('fresh'), 'shared'])
    expect(new Set(delivered.slice(6))).toEqual(new Set(['shared']))
    expect([author.fresh, author.exposed.length]).toEqual([3, 1])
  })

  it.each([
    [1, 0, 1],
    [2, 0, 1],
    [3, 1, 1],
    [5, 2, 1],
    [7, 3, 1],
    [10, 3, 1],
  ])('of %i packages leave %i fresh and %i exposed', (size, fresh, exposed) => {
    const author = new Author(size)
    for (let index = 0; index < 30; index++) author.claim(`${index}`, STRANGER)
    expect([author.fresh, author.exposed.length]).toEqual([fresh, exposed])
  })

  it('at one address take one fresh package a day; after that they get the shared one', () => {
    const author = new Author(10)
    const here = { ...STRANGER, address: '192.0.2.1' }
    expect(what(author.claim('one', here))).toBe('fresh')
    expect(what(author.claim('two', here))).toBe('shared')
    author.now += DAY - 1
    expect(what(author.claim('three', here))).toBe('shared')
    expect(what(author.claim('four', STRANGER))).toBe('fresh')
    author.now += DAY
    expect(what(author.claim('five', here))).toBe('fresh')
  })

  it('in one network take ten a day', () => {
    const author = new Author(40, { ...DEFAULTS, strangers: { max: 100, windowSeconds: DAY } })
    const delivered = Array.from({ length: 12 }, (_, index) =>
      what(author.claim(`${index}`, { ...STRANGER, network: '2001:db8:0::/48' })),
    )
    expect(delivered.filter((each) => each === 'fresh')).toHaveLength(10)
  })

  it('take twelve in twelve hours, all together', () => {
    const author = new Author(10, { ...DEFAULTS, keep: 0 })
    let taken = 0
    for (let hour = 0; hour < 12; hour++) {
      author.now = NOW + hour * HOUR
      author.refill(10)
      for (let index = 0; index < 10; index++) {
        const outcome = author.claim(`${hour} ${index}`, STRANGER)
        taken += outcome.outcome === 'delivered' ? outcome.freshTaken : 0
      }
    }
    // One more if the shared package retired when they had used up their share, because strangers always get one.
    expect([12, 13]).toContain(taken)
    author.now = NOW + 12 * HOUR
    author.refill(10)
    expect(what(author.claim('later', STRANGER))).toBe('fresh')
  })

  it('are given a last resort to share, where there is one (RFC 9420 section 16.8)', () => {
    const lastResort = packageNamed('last resort', alice, { lastResort: true })
    const stock = { packages: [...packages(3, 'one'), lastResort], deliveries: [] }
    const policy = { ...DEFAULTS, freshPerAddress: { max: 1, windowSeconds: DAY } }
    const takes: Take[] = [{ at: NOW, keptUntil: NOW + DAY, count: 1, taker: { address: 'here' } }]
    const request = claimBy('bob', alice, { ...STRANGER, address: 'here' })
    const { choice } = claim({ ...stock, takes }, () => undefined, request, policy, NOW)
    expect(choice.outcome === 'delivered' && choice.packages.map(({ id }) => id)).toEqual([lastResort.id])
  })

  it('get nothing where their filter matches only packages that are not shared', () => {
    const author = new Author(10)
    const [, second] = packages(10, 'first')
    for (let index = 0; index < 12; index++) author.claim(`${index}`, STRANGER)
    const narrowings = [{ kinds: [443], ids: [second?.id ?? ''] }]
    const left = author.claim('carol', { ...STRANGER, narrowings })
    expect(['none', 'shared']).toContain(what(left))
    expect(author.exposed).toHaveLength(1)
  })
})

describe('a requester whom the author knows', () => {
  it('gets a fresh package while strangers share one', () => {
    const author = new Author(10)
    for (let index = 0; index < 30; index++) author.claim(`${index}`, STRANGER)
    expect(what(author.claim('bob', BOB))).toBe('fresh')
    expect(author.fresh).toBe(2)
  })

  it('takes three a day, and then counts as a stranger', () => {
    const author = new Author(10, { ...DEFAULTS, strangers: { max: 7, windowSeconds: 12 * HOUR } })
    const twelve = Array.from({ length: 12 }, (_, index) => `${index}`)
    for (const each of twelve) author.claim(each, STRANGER)
    author.refill(10)
    const delivered = Array.from({ length: 4 }, () => what(author.claim('bob', BOB)))
    expect(delivered).toEqual(['fresh', 'fresh', 'fresh', 'shared'])
    author.now += DAY
    author.refill(10)
    expect(what(author.claim('bob', BOB))).toBe('fresh')
  })

  it('does not use up the share of strangers', () => {
    const author = new Author(10, { ...DEFAULTS, strangers: { max: 2, windowSeconds: DAY } })
    for (let index = 0; index < 3; index++) author.claim('bob', BOB)
    expect(what(author.claim('carol', STRANGER))).toBe('fresh')
  })
})

describe('a requester nobody has looked up', () => {
  it('is served as a stranger, without a look-up, while strangers get fresh packages', () => {
    const author = new Author(10)
    const delivered = Array.from({ length: 6 }, (_, index) => what(author.claim(`${index}`)))
    expect(new Set(delivered)).toEqual(new Set(['fresh']))
  })

  it('is to be looked up once that makes a difference, with nothing changed', () => {
    const author = new Author(10)
    for (let index = 0; index < 6; index++) author.claim(`${index}`)
    const before = author.fresh
    expect(author.claim('bob')).toEqual({ outcome: 'needs-known' })
    expect([author.fresh, author.exposed.length]).toEqual([before, 0])
  })

  it('is not looked up where only one package is left for anybody', () => {
    const author = new Author(1)
    for (const requester of ['bob', 'carol']) expect(what(author.claim(requester))).toBe('shared')
  })

  it('is not looked up where the filters match nothing', () => {
    const author = new Author(10)
    for (let index = 0; index < 12; index++) author.claim(`${index}`, STRANGER)
    const narrowings = [{ kinds: [443], since: NOW + DAY }]
    expect(author.claim('bob', { narrowings })).toEqual({ outcome: 'none' })
  })
})

describe('the rule', () => {
  it('counts what a released claim has taken, unless that is given back', () => {
    const author = new Author(10)
    const here = { ...STRANGER, address: '192.0.2.1' }
    author.release(author.claim('one', here))
    expect(author.fresh).toBe(10)
    expect(what(author.claim('two', here))).toBe('shared')
  })

  it('is off where nothing limits strangers', () => {
    const author = new Author(10, POLICY)
    const delivered = Array.from({ length: 10 }, () => what(author.claim('bob', { address: 'here' })))
    expect(delivered).toEqual([...new Array<string>(9).fill('fresh'), 'shared'])
  })

  it('never gives strangers more than their quotas, nor known requesters more than three a day', () => {
    fc.assert(
      fc.property(histories([ALICE]), (history) => {
        for (const { claimed, before, now } of play(history)) {
          if (claimed === undefined) continue
          const { request, policy } = claimed
          const current = settle(before, policy.retireAfterSeconds, now)
          const share = shareOf(current, request, request.maximum, policy, now)
          if (claimed.choice.outcome === 'needs-known') expect(request.standing).toBeUndefined()
          if (share === 'needs-known') continue
          const taken = claimed.choice.outcome === 'delivered' ? claimed.choice.freshTaken : 0
          // One more where it is set aside to be shared.
          const shared = claimed.choice.outcome === 'delivered' && claimed.choice.sharedUsed ? 1 : 0
          expect(taken).toBeLessThanOrEqual(share.fresh + shared)
        }
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  it('never exposes a second package (I1), and never takes an author down to none (I2)', () => {
    fc.assert(
      fc.property(histories([ALICE]), (history) => {
        for (const { claimed, before, after, now } of play(history)) {
          const exposed = after.packages.filter((pkg) => isOneTime(pkg) && !isFresh(pkg))
          expect(exposed.length).toBeLessThanOrEqual(1)
          if (claimed === undefined) continue
          const had = settle(before, claimed.policy.retireAfterSeconds, now).packages.filter(isOneTime)
          expect(after.packages.filter(isOneTime).length).toBeGreaterThanOrEqual(Math.min(1, had.length))
        }
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})
