/** What the operator's metrics are made of: outcomes and durations, from closed sets, and never whose they are (I4). */

import type { PublishOutcome } from './connection.ts'
import type { RefusalPrefix } from './nostr/refusal.ts'
import type { ClaimOutcome, LimitedClaim, Removal } from './store.ts'

/**
 * What became of a claim, of one author's packages.
 * - `delivered`: fresh one-time packages, or the same ones again to the same requester (`claim.redeliverySeconds`).
 * - `shared`: the author's shared package is among what was delivered.
 * - `slots`: slots, and their aliases, alone.
 * - `none`: the author has no matching package.
 * - `limited`: a quota is used up.
 * - `unavailable`: the store did not answer.
 */
export const CLAIM_OUTCOMES = ['delivered', 'shared', 'slots', 'none', 'limited', 'unavailable'] as const
export type ObservedClaim = (typeof CLAIM_OUTCOMES)[number]

/**
 * What became of a key package that was published: the store's outcome (`PutOutcome`), or
 * - `refused`: a check or a quota before the store refused it.
 * - `unavailable`: the store did not answer.
 */
export const PUBLISH_OUTCOMES = [
  'stored',
  'replaced',
  'duplicate',
  'spent',
  'stale',
  'deleted',
  'full',
  'limited',
  'refused',
  'unavailable',
] as const satisfies readonly (PublishOutcome | 'refused' | 'unavailable')[]
export type ObservedPublish = (typeof PUBLISH_OUTCOMES)[number]

/** The verbs of refused messages: those that the gateway answers. A client may send any other. */
export const REFUSED_VERBS = ['EVENT', 'REQ', 'COUNT', 'NEG-OPEN', 'AUTH', 'CLOSE', 'other'] as const
export type ObservedVerb = (typeof REFUSED_VERBS)[number]

/** The quotas that limit claims. */
export const CLAIM_QUOTAS = [
  'perAuthor',
  'perAddress',
  'perRequester',
  'perAddressTotal',
  'slotsPerRequester',
  'slotsPerAddress',
] as const satisfies readonly LimitedClaim['by'][]

/** Why packages left the stock other than by a claim. */
export const REMOVAL_REASONS = [
  'expired',
  'retired',
  'replaced',
  'evicted',
  'deleted',
] as const satisfies readonly Removal['why'][]

/** Why a claim was undone: nothing of it was sent, or it was its author's, who authenticated afterwards (I10). */
export const RELEASE_REASONS = ['unsent', 'owner'] as const
export type ReleaseReason = (typeof RELEASE_REASONS)[number]

/** Told of what happens in one gateway. What a method throws is logged, and stops nothing. */
export interface Observer {
  /** Milliseconds on a monotonic clock, such as `performance.now`, by which durations are measured. */
  time(): number
  /** A claim was answered. `by` names the quota of a `limited` one. */
  claimed(outcome: ObservedClaim, by?: LimitedClaim['by']): void
  /** The claims of one REQ were answered, quotas and look-ups included. */
  claimsTook(milliseconds: number): void
  /** A key package was published, and answered after so long. */
  published(outcome: ObservedPublish, milliseconds: number): void
  /** A message, or a part of it, was refused: an EVENT of another kind too, and each claim that was not answered. */
  refused(verb: ObservedVerb, prefix: RefusalPrefix): void
  /** A package left the stock other than by a claim. */
  removed(why: Removal['why']): void
  /** A package was put back. */
  released(why: ReleaseReason): void
}

/** What an observer is told of the outcome of a claim; undefined for one that is not final. */
export function observedClaim(claim: ClaimOutcome): ObservedClaim | undefined {
  if (claim.outcome === 'needs-known') return undefined
  if (claim.outcome !== 'delivered') return claim.outcome
  if (claim.sharedUsed) return 'shared'
  const isOfSlots = claim.packages.every(({ slot, alias }) => slot !== undefined || alias === true)
  return isOfSlots ? 'slots' : 'delivered'
}

export function observedVerb(verb: string): ObservedVerb {
  return REFUSED_VERBS.find((known) => known === verb) ?? 'other'
}
