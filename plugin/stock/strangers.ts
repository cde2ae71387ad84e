/**
 * Who may take fresh packages, so that nobody can use up an author's stock: people whom the author knows, up to three a day, and
 * strangers up to their share. Others get the shared package. Pure.
 */

import { forNetwork } from '../nostr/requester.ts'
import type { Claim, ClaimPolicy, CountedClaim, Quota, StockedPackage } from '../store.ts'
import { isFresh, sharedOf } from './selection.ts'

/** The fresh packages of one author that a known requester takes; beyond them they count as a stranger. */
const KNOWN_QUOTA: Quota = { max: 3, windowSeconds: 86_400 }

/** Fresh packages that one claim took. */
export interface Take {
  /** Seconds since the epoch. */
  readonly at: number
  /** Until when a quota counts it, in seconds since the epoch. */
  readonly keptUntil: number
  readonly count: number
  readonly taker: Taker
}

/** The pubkey by which the author knows the taker; or a stranger's address, and the network it is in. */
export type Taker = { readonly knownAs: string } | { readonly address: string; readonly network?: string }

/** How many fresh packages a claim may spend, and as whom. */
export interface Share {
  readonly fresh: number
  readonly taker: Taker
}

/** What an author has of one-time packages, and who has taken some. */
interface Content {
  readonly packages: readonly StockedPackage[]
  readonly takes?: readonly Take[]
}

/**
 * The share of a claim that wants up to `wanted` fresh packages. `needs-known`: nobody has looked up whether the author knows the
 * requester, and it makes a difference.
 */
export function shareOf(
  content: Content,
  request: Claim,
  wanted: number,
  policy: ClaimPolicy,
  now: number,
): Share | 'needs-known' {
  const { standing, address, network } = request
  const { spendable } = spendableOf(content.packages)
  if (typeof standing === 'object') {
    const left = leftOf(KNOWN_QUOTA, content.takes ?? [], (taker) => isKnownAs(taker, standing.knownAs), now)
    if (left > 0) return { fresh: Math.min(spendable, left), taker: standing }
  }
  const fresh = strangersShare(content, request, policy, now)
  if (standing === undefined && Math.min(fresh, wanted) < Math.min(spendable, wanted)) return 'needs-known'
  return { fresh, taker: network === undefined ? { address } : { address, network } }
}

/** What claims of strangers find of an author's fresh packages, as long as nothing but their takes changes the stock. */
export interface Reserve {
  /** At most so many of the fresh packages are for known requesters alone, or stay. */
  readonly count: number
  /** Until then it is exactly `count`, in seconds since the epoch. */
  readonly exactUntil: number
}

/**
 * The reserve against strangers. Each take of a stranger costs a fresh package and one of their share, so the rest stays the
 * same; it only shrinks when an older take leaves the window.
 */
export function reserveOf(content: Content, policy: StrangerTerms, now: number): Reserve {
  const count = content.packages.filter(isFresh).length - shareOfAll(content, policy, now)
  const { strangers, keep } = policy
  // Without that window nobody counts the takes, and `keep` shrinks with the stock.
  if (strangers === undefined) return { count, exactUntil: keep === 0 ? Number.POSITIVE_INFINITY : now }
  const taken = (content.takes ?? []).filter(
    ({ at, taker }) => isStranger(taker) && at > now - strangers.windowSeconds,
  )
  const oldest = taken.reduce((first, { at }) => Math.min(first, at), now)
  return { count, exactUntil: oldest + strangers.windowSeconds }
}

/** What the policy says about strangers. */
export type StrangerTerms = Pick<ClaimPolicy, 'strangers' | 'freshPerAddress' | 'keep'>

/** How many fresh packages a stranger may take now. */
function strangersShare(
  content: Content,
  { address, network }: Claim,
  policy: StrangerTerms,
  now: number,
): number {
  const { freshPerAddress } = policy
  const { takes = [] } = content
  const left = [
    shareOfAll(content, policy, now),
    leftOf(freshPerAddress, takes, (taker) => isFrom(taker, address), now),
  ]
  if (network !== undefined && freshPerAddress !== undefined)
    left.push(leftOf(forNetwork(freshPerAddress), takes, (taker) => isWithin(taker, network), now))
  return Math.min(...left)
}

/**
 * How many fresh packages strangers may take all together. Half of the packages that can be spent, and at most `keep`, are for known
 * requesters alone, so that an author with three packages still serves strangers. Those that strangers have taken count as well:
 * half of what is left would soon be nothing.
 */
function shareOfAll(
  { packages, takes = [] }: Content,
  { strangers, keep }: StrangerTerms,
  now: number,
): number {
  const { spendable, stays } = spendableOf(packages)
  const taken = strangers === undefined ? 0 : usedOf(strangers, takes, isStranger, now)
  const kept = Math.min(keep, Math.floor((spendable + taken) / 2))
  // The one that they will share is part of their share.
  return Math.max(0, Math.min(spendable - kept, leftOf(strangers, takes, isStranger, now) - stays))
}

/** One package always stays: the shared one, or else the last one (I2). */
function spendableOf(packages: readonly StockedPackage[]): { spendable: number; stays: number } {
  const stays = sharedOf(packages) === undefined ? 1 : 0
  return { spendable: Math.max(0, packages.filter(isFresh).length - stays), stays }
}

/** Adds what a claim took. */
export function withTake(
  takes: readonly Take[] | undefined,
  { taker }: Share,
  count: number,
  policy: ClaimPolicy,
  now: number,
): readonly Take[] | undefined {
  const seconds = 'knownAs' in taker ? KNOWN_QUOTA.windowSeconds : takeSeconds(policy)
  if (count === 0 || seconds === undefined) return takes
  return [...(takes ?? []), { at: now, keptUntil: now + seconds, count, taker }]
}

/** How long what a stranger takes is remembered; undefined: not at all. */
export function takeSeconds({ strangers, freshPerAddress }: StrangerTerms): number | undefined {
  const seconds = [strangers, freshPerAddress].flatMap((quota) => quota?.windowSeconds ?? [])
  return seconds.length === 0 ? undefined : Math.max(...seconds)
}

/** Gives back what a claim of a stranger took at `at`. Undefined if nothing is left. */
export function withoutTake(
  takes: readonly Take[] | undefined,
  { address, freshTaken, at }: CountedClaim,
): readonly Take[] | undefined {
  if (takes === undefined || freshTaken === 0) return takes
  const index = takes.findLastIndex(
    (take) => take.at === at && take.count === freshTaken && isFrom(take.taker, address),
  )
  if (index === -1) return takes
  return takes.length === 1 ? undefined : takes.toSpliced(index, 1)
}

/** The takes that still count. The same array if all do, undefined if none does. */
export function currentTakes(takes: readonly Take[] | undefined, now: number): readonly Take[] | undefined {
  if (takes === undefined || takes.every(({ keptUntil }) => keptUntil > now)) return takes
  const current = takes.filter(({ keptUntil }) => keptUntil > now)
  return current.length === 0 ? undefined : current
}

function leftOf(
  quota: Quota | undefined,
  takes: readonly Take[],
  isCounted: (taker: Taker) => boolean,
  now: number,
): number {
  if (quota === undefined) return Number.POSITIVE_INFINITY
  return Math.max(0, quota.max - usedOf(quota, takes, isCounted, now))
}

function usedOf(
  { windowSeconds }: Quota,
  takes: readonly Take[],
  isCounted: (taker: Taker) => boolean,
  now: number,
): number {
  return takes
    .filter(({ at, taker }) => at > now - windowSeconds && isCounted(taker))
    .reduce((used, { count }) => used + count, 0)
}

function isKnownAs(taker: Taker, pubkey: string): boolean {
  return 'knownAs' in taker && taker.knownAs === pubkey
}

function isStranger(taker: Taker): boolean {
  return !('knownAs' in taker)
}

function isFrom(taker: Taker, address: string): boolean {
  return 'address' in taker && taker.address === address
}

function isWithin(taker: Taker, network: string): boolean {
  return 'network' in taker && taker.network === network
}
