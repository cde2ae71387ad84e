/** The key package part of one REQ: whose packages it asks for, and what the client is told if it gets none. */

import type { AuthorClaim } from '../connection.ts'
import type { EncodingHint, KeyPackageFilter } from '../nostr/filters.ts'
import { atMostAuthors, forSomeAuthors, withRetryAfter } from '../nostr/machine-readable.ts'
import type { Pubkey, SignedEvent } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import { networkKey, type Requester } from '../nostr/requester.ts'
import type { Options } from '../options.ts'
import { meets } from '../stock/selection.ts'
import type { Claim, ClaimOutcome, ClaimPolicy, StockedPackage } from '../store.ts'

/** What a REQ needs from the store. */
export interface Query {
  /** Authors who ask for their own packages, with the filters that name them. */
  readonly own: ReadonlyMap<Pubkey, readonly KeyPackageFilter[]>
  /** One claim for each other author, unless all filters that name them have `limit: 0`. */
  readonly claims: readonly Claim[]
  /** The pubkeys that the connection has authenticated. Without any, it may turn out to be one of the authors (I10). */
  readonly authenticated: ReadonlySet<Pubkey>
  /** The filters that name other authors. */
  readonly others: ReadonlyMap<Pubkey, readonly KeyPackageFilter[]>
  /** The content encoding that the client wants for an author's packages. */
  readonly hints: ReadonlyMap<Pubkey, EncodingHint>
  /** Host and port of this relay as the client knows it. */
  readonly host?: string | undefined
}

/**
 * The answer to the claims of a REQ. Owners' own packages are read later (`own-packages.ts`).
 * - `answered`: these events and notices. Notices also say why some authors were left out.
 * - `refused`: no part could be answered.
 */
export type QueryAnswer =
  | {
      readonly outcome: 'answered'
      readonly events: readonly SignedEvent[]
      readonly notices: readonly string[]
      readonly claims: readonly AuthorClaim[]
    }
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly claims: readonly AuthorClaim[] }

/**
 * @param lookUps filters by which owners look up their own packages alone
 * @throws Refusal `restricted` if there are too many authors
 */
export function planQuery(
  filters: readonly KeyPackageFilter[],
  requester: Requester,
  options: Options,
  lookUps: readonly KeyPackageFilter[] = [],
): Query {
  const byAuthor = groupByAuthor(filters)
  const { maxAuthors } = options.claim
  if (byAuthor.size > maxAuthors) {
    throw new Refusal('restricted', atMostAuthors(maxAuthors))
  }
  const authors = [...groupByAuthor([...filters, ...lookUps])]
  const others = authors.filter(([author]) => !requester.authenticated.has(author))
  return {
    own: new Map(authors.filter(([author]) => requester.authenticated.has(author))),
    claims: others.flatMap(([author, named]) => claimOf(author, named, requester, options)),
    authenticated: new Set(requester.authenticated),
    others: new Map(others),
    hints: new Map(
      authors.flatMap(([author, named]) => {
        const hint = named.find((filter) => filter.hint !== undefined)?.hint
        return hint === undefined ? [] : [[author, hint]]
      }),
    ),
  }
}

/** The packages an owner sees: newest first, each filter up to its limit (NIP-01). */
export function ownView<Pkg extends StockedPackage>(
  packages: readonly Pkg[],
  filters: readonly KeyPackageFilter[],
): Pkg[] {
  const newestFirst = [...packages].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))
  const seen = new Set(
    filters.flatMap(({ narrowing, limit }) =>
      newestFirst.filter((pkg) => meets(pkg, narrowing)).slice(0, limit),
    ),
  )
  return newestFirst.filter((pkg) => seen.has(pkg))
}

/** What the client is told about claims that were not answered; undefined if all were. */
export function refusalOf(outcomes: readonly ClaimOutcome[], options: Options): Refusal | undefined {
  if (outcomes.some(({ outcome }) => outcome === 'unavailable')) return new Refusal('error', UNAVAILABLE)
  const limited = outcomes.filter((outcome) => outcome.outcome === 'limited')
  const [longest] = [...limited].sort((a, b) => b.retryAfterSeconds - a.retryAfterSeconds)
  if (longest === undefined) return undefined
  const { max, windowSeconds } = options.quota[longest.by]
  const quota = `${max} queries per ${windowSeconds} s for ${countedBy[longest.by]}`
  const reason = withRetryAfter(quota, longest.retryAfterSeconds)
  if (limited.length === outcomes.length) return new Refusal('rate-limited', reason)
  return new Refusal('rate-limited', forSomeAuthors(limited.length, outcomes.length, reason))
}

/** The limits for claims. */
export function policyOf({ quota, claim, stock }: Options): ClaimPolicy {
  return {
    perAuthor: quota.perAuthor,
    perAddress: quota.perAddress,
    ...(quota.strangers.max > 0 && { strangers: quota.strangers }),
    ...(quota.freshPerAddress.max > 0 && { freshPerAddress: quota.freshPerAddress }),
    keep: stock.keep,
    redeliverySeconds: claim.redeliverySeconds,
    retireAfterSeconds: stock.retireAfterSeconds,
    low: stock.low,
  }
}

/** What became of one author's part. */
export function authorClaim(author: Pubkey, claimed: ClaimOutcome): AuthorClaim {
  const { outcome } = claimed
  if (outcome === 'limited') return { author, outcome, retryAfterSeconds: claimed.retryAfterSeconds }
  return { author, outcome: outcome === 'needs-known' ? 'unavailable' : outcome }
}

/** Whether the claim was not processed. */
export function isUnanswered({ outcome }: Pick<ClaimOutcome, 'outcome'>): boolean {
  return outcome === 'limited' || outcome === 'unavailable' || outcome === 'needs-known'
}

const countedBy = {
  perAuthor: 'each author',
  perAddress: 'each author from one address',
  perRequester: 'each requester',
  perAddressTotal: 'each address',
  slotsPerRequester: 'each requester',
  slotsPerAddress: 'each address',
} as const

/** Every named author, with the filters that name them. */
export function groupByAuthor(filters: readonly KeyPackageFilter[]): Map<Pubkey, KeyPackageFilter[]> {
  const byAuthor = new Map<Pubkey, KeyPackageFilter[]>()
  for (const filter of filters) {
    for (const author of filter.authors) {
      const named = byAuthor.get(author)
      if (named === undefined) byAuthor.set(author, [filter])
      else named.push(filter)
    }
  }
  return byAuthor
}

function claimOf(
  author: Pubkey,
  filters: readonly KeyPackageFilter[],
  { name, address, authenticated }: Requester,
  { claim: { perAuthor } }: Options,
): Claim[] {
  const asking = filters.filter(({ limit }) => limit !== 0)
  if (asking.length === 0) return []
  const maxSlots = Math.max(...asking.map(({ limit = Number.POSITIVE_INFINITY }) => limit))
  const network = networkKey(address)
  const claim = {
    author,
    requester: name,
    address,
    ...(network !== undefined && { network }),
    ...(authenticated.size === 0 && { standing: 'stranger' as const }),
    maximum: Math.min(maxSlots, perAuthor),
    narrowings: asking.map(({ narrowing }) => narrowing),
  }
  return [maxSlots === Number.POSITIVE_INFINITY ? claim : { ...claim, maxSlots }]
}
