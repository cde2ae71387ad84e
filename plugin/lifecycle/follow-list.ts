/** Follow lists: whom an author follows (kind 3, NIP-02) or vouches for (kind 30000, NIP-51). Such requesters are known to them. */

import { isHex32 } from '../nostr/event.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'

export const FOLLOWS_KIND = 3
export const FOLLOW_SET_KIND = 30_000
/** The `d` tag of the follow set that counts: people who are to get a fresh key package, whether followed or not. */
export const VOUCHED_FOR = 'keypackages'
/** The kinds of which a store keeps one list of each author. */
export const FOLLOW_LIST_KINDS: readonly number[] = [FOLLOWS_KIND, FOLLOW_SET_KIND]

/** Anybody may publish a list of any length, so of a longer one only the last are kept (I9): clients append whom they add. */
export const MAX_FOLLOWED = 2000

/** A follow list as a store is given it. */
export interface FollowList {
  readonly author: Pubkey
  readonly kind: number
  readonly id: EventId
  /** Seconds since the epoch. */
  readonly createdAt: number
  /** Each once, at most `MAX_FOLLOWED`. */
  readonly pubkeys: readonly Pubkey[]
}

/**
 * What became of a follow list that was put into a store.
 * - `stored`: it is the author's list of its kind now.
 * - `duplicate`: it was before.
 * - `stale`: the author's list of its kind is newer.
 * - `deleted`: its author deleted it, or one that is newer.
 * - `no packages`: its author has none, so it is not kept.
 */
export type FollowListOutcome = 'stored' | 'duplicate' | 'stale' | 'deleted' | 'no packages'

/**
 * What the follow lists of an author say about a requester.
 * - `followed`: one of them names the requester.
 * - `not followed`: none does.
 * - `unknown`: no list of the author is known.
 */
export type Following = 'followed' | 'not followed' | 'unknown'

/** Which follow lists an author deletes: those of these kinds that were created until then, and those with these ids. */
export interface FollowListDeletion {
  readonly kinds: readonly number[]
  readonly ids: readonly EventId[]
  /** Seconds since the epoch. */
  readonly createdUntil: number
}

/** Learns the follow lists that pass. */
export interface FollowListLearner {
  /** Takes note of a verified event that the relay has still to accept. */
  expect(event: SignedEvent): void
  /** The relay's OK message: an expected list is learnt if it is accepted, else forgotten. */
  confirm(id: unknown, accepted: unknown): void
  /** Learns a verified event if it is a follow list. Never rejects. */
  learn(event: SignedEvent): Promise<void>
}

/** The stored events of an author that match `followListFilters`. It may reject; nobody waits any more once `late` is aborted. */
export type FollowListSource = (author: Pubkey, late: AbortSignal) => Promise<readonly SignedEvent[]>

/** The list that an event holds; undefined for other events, other follow sets among them. */
export function followListOf({ pubkey, kind, id, created_at, tags }: SignedEvent): FollowList | undefined {
  if (kind !== FOLLOWS_KIND && !(kind === FOLLOW_SET_KIND && setOf(tags) === VOUCHED_FOR)) return undefined
  const followed = tags.flatMap(([name, value]) => (name === 'p' && isHex32(value) ? [value] : []))
  const pubkeys = [...new Set(followed)].slice(-MAX_FOLLOWED)
  return { author: pubkey, kind, id, createdAt: created_at, pubkeys }
}

/** The filters (NIP-01) for an author's follow lists. */
export function followListFilters(
  author: Pubkey,
): readonly { kinds: number[]; authors: Pubkey[]; '#d'?: string[]; limit: number }[] {
  return [
    { kinds: [FOLLOWS_KIND], authors: [author], limit: 1 },
    { kinds: [FOLLOW_SET_KIND], authors: [author], '#d': [VOUCHED_FOR], limit: 1 },
  ]
}

function setOf(tags: SignedEvent['tags']): string | undefined {
  return tags.find(([name]) => name === 'd')?.[1]
}
