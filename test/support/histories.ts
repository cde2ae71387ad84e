/** Random histories of a store, with few authors, requesters and packages, so that steps interfere with each other. */

import fc from 'fast-check'
import type { EventId, Pubkey } from '../../plugin/nostr/messages.ts'
import type {
  Claim,
  ClaimPolicy,
  Deletion,
  Narrowing,
  Standing,
  StockLimits,
  StoredKeyPackage,
} from '../../plugin/store.ts'
import {
  authorNamed,
  DAY,
  deletionOf,
  HOUR,
  hex,
  NOW,
  PLENTY,
  packageNamed,
  slotNamed,
} from '../contract/index.ts'
import {
  AMPLE,
  policies,
  RETIRE_AFTER_SECONDS,
  shares,
  stockLimits,
  strangerTerms,
} from './history-limits.ts'

export type Step =
  | { readonly do: 'put'; readonly pkg: StoredKeyPackage; readonly limits: StockLimits }
  | { readonly do: 'claim'; readonly claims: readonly Claim[]; readonly policy: ClaimPolicy }
  /** Releases the claim that was answered so many answers ago, if there was one, and gives its quotas back or not. */
  | { readonly do: 'release'; readonly answersAgo: number; readonly givesBack: boolean }
  | { readonly do: 'drop'; readonly author: Pubkey; readonly deletion: Deletion }
  | { readonly do: 'rank'; readonly author: Pubkey; readonly ranks: ReadonlyMap<EventId, string> }
  | { readonly do: 'sweep'; readonly retireAfterSeconds: number }
  | { readonly do: 'hit'; readonly key: string; readonly cost: number }
  /** Of a hit that was made so many seconds ago, or would have been. */
  | { readonly do: 'refund'; readonly key: string; readonly cost: number; readonly secondsAgo: number }
  | { readonly do: 'wait'; readonly seconds: number }

export interface History {
  readonly steps: readonly Step[]
}

/**
 * How many histories are played: as many as it takes for so many operations as `DIFFERENTIAL_OPERATIONS` says, for a long run
 * by hand, and else `numRuns`.
 */
export function runsOf(numRuns: number, operationsEach: number): number {
  return Math.max(numRuns, Math.ceil(Number(process.env.DIFFERENTIAL_OPERATIONS ?? 0) / operationsEach))
}

export const AUTHORS = ['alice', 'bob', 'carol'].map(authorNamed)
const PACKAGES = 18

/** Histories in which every claim is made under the same policy and every package is put under the same limits. */
export function histories(authors: readonly Pubkey[] = AUTHORS): fc.Arbitrary<History> {
  return fc.oneof(ofAnyStock(authors), ofStocked(authors))
}

function ofAnyStock(authors: readonly Pubkey[]): fc.Arbitrary<History> {
  return fc
    .record({ policy: policies, limits: stockLimits })
    .chain(({ policy, limits }) =>
      fc.record({ steps: fc.array(steps(authors, policy, limits), { maxLength: 80, size: 'max' }) }),
    )
}

/** Histories that begin with a stock of which strangers have only a share. Others seldom have as many fresh packages. */
function ofStocked(authors: readonly Pubkey[]): fc.Arbitrary<History> {
  const terms = fc.record({ policy: policies, share: shares, author: fc.constantFrom(...authors) })
  return terms.chain(({ policy: { strangers: _, freshPerAddress: _also, ...rest }, share, author }) => {
    const policy = { ...rest, perAuthor: PLENTY, perAddress: PLENTY, ...share }
    const first = fc
      .shuffledSubarray(LASTING, { minLength: 4, maxLength: 6 })
      .map((numbers) =>
        numbers.map((number): Step => ({ do: 'put', pkg: packageOf(author, number), limits: AMPLE })),
      )
    const claims = fc.array(sharingClaims(author), { minLength: 1, maxLength: 1 })
    const more = fc.oneof(
      steps([author], policy, AMPLE),
      claims.map((claims): Step => ({ do: 'claim', claims, policy })),
    )
    return fc
      .tuple(first, fc.array(more, { minLength: 10, maxLength: 50, size: 'max' }))
      .map(([puts, later]) => ({ steps: [...puts, ...later] }))
  })
}

/** Some claims of a history, made under a policy that says other things about strangers. */
export function underTwoPolicies(all: fc.Arbitrary<History>): fc.Arbitrary<History> {
  const others = fc.array(fc.boolean(), { minLength: 7, maxLength: 7 })
  return fc.tuple(all, strangerTerms, others).map(([{ steps }, terms, isOther]) => ({
    steps: steps.map((step, index) => {
      if (step.do !== 'claim' || !isOther[index % isOther.length]) return step
      const { strangers: _, freshPerAddress: _also, ...rest } = step.policy
      return { ...step, policy: { ...rest, ...terms } }
    }),
  }))
}

function steps(authors: readonly Pubkey[], policy: ClaimPolicy, limits: StockLimits): fc.Arbitrary<Step> {
  const author = fc.constantFrom(...authors)
  const claims = fc.array(author.chain(claimsOf), { minLength: 1, maxLength: authors.length })
  return fc.oneof(
    { weight: 8, arbitrary: packagesOf(author).map((pkg): Step => ({ do: 'put', pkg, limits })) },
    { weight: 8, arbitrary: claims.map((claims): Step => ({ do: 'claim', claims, policy })) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('release' as const),
        answersAgo: fc.nat(2),
        givesBack: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: author.chain((of) =>
        fc.record({ do: fc.constant('drop' as const), author: fc.constant(of), deletion: deletions(of) }),
      ),
    },
    {
      weight: 1,
      arbitrary: author.chain((of) =>
        fc.record({ do: fc.constant('rank' as const), author: fc.constant(of), ranks: ranksOf(of) }),
      ),
    },
    { weight: 2, arbitrary: fc.constant<Step>({ do: 'sweep', retireAfterSeconds: RETIRE_AFTER_SECONDS }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('hit' as const),
        key: fc.constantFrom('a', 'b'),
        cost: fc.nat(4),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('refund' as const),
        key: fc.constantFrom('a', 'b'),
        cost: fc.nat(6),
        secondsAgo: fc.constantFrom(0, 0, 1, 30, 60),
      }),
    },
    { weight: 4, arbitrary: waits.map((seconds): Step => ({ do: 'wait', seconds })) },
  )
}

const waits = fc.oneof(
  fc.constantFrom(1, 30, 60, 599, 600, HOUR - 1, HOUR, DAY),
  fc.integer({ min: 1, max: 100 }),
)

/** A package of an author. It is the same in every history. Some are twins, or have the KeyPackage of another package. */
function packageOf(author: Pubkey, number: number): StoredKeyPackage {
  const original = sameKeyPackage.get(number)
  const pkg = packageNumbered(author, number)
  return original === undefined ? pkg : { ...pkg, ref: packageNumbered(author, original).ref }
}

/** In kind 443: 13 has the KeyPackage of 0, and 14 that of the slot 3. In slots: 15 has that of 3, and 17 that of 1. */
const sameKeyPackage: ReadonlyMap<number, number> = new Map([
  [13, 0],
  [14, 3],
  [15, 3],
  [17, 1],
])
const SLOTS: ReadonlyMap<number, string> = new Map([
  [3, 'slot 0'],
  [7, 'slot 1'],
  [11, 'slot 0'],
  [15, 'slot 0'],
  [16, 'slot 2'],
  [17, 'slot 3'],
])

function packageNumbered(author: Pubkey, number: number): StoredKeyPackage {
  const name = `${author} ${number}`
  const createdAt = NOW - HOUR + ((number * 7) % 5)
  const expiresAt = NOW + ([30 * DAY, HOUR / 2, 2 * HOUR, DAY][number % 4] ?? 0)
  const slot = SLOTS.get(number)
  if (slot !== undefined) return slotNamed(name, author, slot, { createdAt, expiresAt })
  const rank = RANKS[number % RANKS.length]
  const place = rank === undefined ? {} : { rank }
  return packageNamed(name, author, { createdAt, expiresAt, lastResort: number % 3 === 0, ...place })
}

/** One-time packages that do not expire within an hour. */
const LASTING = [0, 2, 4, 6, 8, 10, 12]

/** Of one-time packages: several have the same, and some none. */
const RANKS = ['1c', '0a', undefined, '2b', '1a']

function ranksOf(author: Pubkey): fc.Arbitrary<ReadonlyMap<EventId, string>> {
  const one = fc.tuple(
    fc.nat(PACKAGES - 1).map((number) => packageOf(author, number).id),
    fc.constantFrom('0b', '1b', '2a', '~'),
  )
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((ranks) => new Map(ranks))
}

function packagesOf(author: fc.Arbitrary<Pubkey>): fc.Arbitrary<StoredKeyPackage> {
  return fc.tuple(author, fc.nat(PACKAGES - 1)).map(([of, number]) => packageOf(of, number))
}

const standings = fc.constantFrom<Standing[]>(
  'stranger',
  'stranger',
  { knownAs: hex('xavier') },
  { knownAs: hex('yvonne') },
)

function claimsOf(author: Pubkey): fc.Arbitrary<Claim> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.record(plainClaimsOf(author)) },
    { weight: 2, arbitrary: fc.record({ ...plainClaimsOf(author), standing: standings }) },
    {
      weight: 2,
      arbitrary: fc.record(
        {
          ...plainClaimsOf(author),
          maxSlots: fc.integer({ min: 1, max: 2 }),
          seen: fc.subarray([3, 7, 14, 15, 17].map((number) => packageOf(author, number).id)),
          limited: fc.constant({ outcome: 'limited', by: 'perRequester', retryAfterSeconds: 7 } as const),
          recipient: fc.constantFrom('connection 1', 'connection 2'),
          formerly: fc.constantFrom('connection 1', 'xavier'),
          standing: standings,
          network: fc.constant('2001:db8:0::/48'),
        },
        { requiredKeys: ['author', 'requester', 'address', 'maximum', 'narrowings'] },
      ),
    },
  )
}

/** Of one-time packages, by somebody whom the author knows or not. */
function sharingClaims(author: Pubkey): fc.Arbitrary<Claim> {
  const who = { standing: standings, network: fc.constantFrom('2001:db8:0::/48', '2001:db8:1::/48') }
  return fc.record(
    { ...plainClaimsOf(author), narrowings: fc.constant([{ kinds: [443] }]), ...who },
    { requiredKeys: ['author', 'requester', 'address', 'maximum', 'narrowings'] },
  )
}

function plainClaimsOf(author: Pubkey) {
  return {
    author: fc.constant(author),
    requester: fc.constantFrom('xavier', 'yvonne', 'zoe'),
    address: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    maximum: fc.integer({ min: 1, max: 2 }),
    narrowings: fc.oneof(
      { weight: 2, arbitrary: fc.constant([{ kinds: [443, 30443] }]) },
      { weight: 2, arbitrary: fc.constant([{ kinds: [443] }]) },
      { weight: 1, arbitrary: fc.constant([{ kinds: [30443] }]) },
      { weight: 1, arbitrary: fc.array(narrowingsOf(author), { minLength: 1, maxLength: 2 }) },
    ),
  }
}

function narrowingsOf(author: Pubkey): fc.Arbitrary<Narrowing> {
  const time = fc.integer({ min: NOW - HOUR, max: NOW - HOUR + 4 })
  const ids = fc.uniqueArray(fc.nat(PACKAGES - 1), { maxLength: 5 })
  return fc.record(
    {
      kinds: fc.constantFrom([443], [30443], [443, 30443]),
      ids: ids.map((numbers) => numbers.map((number) => packageOf(author, number).id)),
      since: time,
      until: time,
    },
    { requiredKeys: ['kinds'] },
  )
}

function deletions(author: Pubkey): fc.Arbitrary<Deletion> {
  const ids = fc
    .uniqueArray(fc.nat(PACKAGES - 1), { minLength: 1, maxLength: 2 })
    .map((numbers) => ({ ids: [...numbers.map((number) => packageOf(author, number).id), hex('nobody')] }))
  return fc
    .tuple(
      fc.oneof<fc.Arbitrary<Partial<Deletion>>[]>(
        ids,
        fc.subarray([...SLOTS.values()], { minLength: 1 }).map((slots) => ({ slots: [...new Set(slots)] })),
        fc.constant({ everything: true }),
      ),
      fc.integer({ min: NOW - HOUR, max: NOW - HOUR + 4 }),
      fc.constantFrom(0, NOW + HOUR, NOW + DAY),
    )
    .map(([what, createdUntil, keptUntil]) => deletionOf({ ...what, createdUntil, keptUntil }))
}
