/** What clients saw on the wire, in the words that the invariants need: publishes, deletions, claims, and packages nobody asked for. */

import type { EventId, Pubkey } from '../../../../plugin/nostr/messages.ts'

/** When something happened at the server: after `sentAt` and before `answeredAt`, in milliseconds of the generator's clock. */
export interface Interval {
  readonly sentAt: number
  /** Infinity if no answer came: it happened then, or later, or never. */
  readonly answeredAt: number
}

/** An EVENT of kind 443 or 30443. */
export interface Published extends Interval {
  readonly id: EventId
  readonly author: Pubkey
  readonly kind: number
  /** `d`, of a slot. */
  readonly slot?: string
  /** Another event, of the other kind, has the same KeyPackage. */
  readonly isTwin?: boolean
  /** Seconds since the epoch. */
  readonly createdAt: number
  /** When it expires, in milliseconds of the generator's clock. */
  readonly expiresAt: number
  /** Whether the sender was authenticated as the author. */
  readonly isByAuthor: boolean
  readonly address: string
  /** `known`: OK true, but not taken in again. */
  readonly outcome: 'stored' | 'known' | 'refused' | 'unknown'
}

/** A deletion (NIP-09) of one's own packages. */
export interface Deleted extends Interval {
  readonly author: Pubkey
  readonly ids: readonly EventId[]
  /** `d` of slots, as far as they were created until then. */
  readonly slots: readonly string[]
  /** Seconds since the epoch. */
  readonly createdAt: number
  readonly outcome: 'accepted' | 'refused' | 'unknown'
}

/** A package event as it was delivered. */
export interface Delivered {
  readonly id: EventId
  readonly author: Pubkey
  readonly kind: number
}

/** A REQ that names package kinds and authors, up to its end. */
export interface Claimed extends Interval {
  /** The pubkey that quotas count, or else the address. */
  readonly requester: string
  readonly address: string
  /** Nobody had authenticated on the connection, so that no author knows the requester. */
  readonly isStranger: boolean
  /** Whose device it is: what it sees of its own author, before it authenticates, is given back (I10). */
  readonly person?: Pubkey
  readonly authors: readonly Pubkey[]
  readonly kinds: readonly number[]
  readonly delivered: readonly Delivered[]
  /**
   * `answered`: up to EOSE. `limited`: some or all authors were left out because of a quota. `refused`: closed for another reason.
   * `unknown`: the connection was lost, or the store failed for some or all authors; what had come by then may have been released since.
   */
  readonly outcome: 'answered' | 'limited' | 'refused' | 'unknown'
}

/** A package that a connection was shown without a claim, or after it. */
export interface Sighted extends Delivered {
  readonly at: number
  /** The way it came: `a query by tag`, `pushed after a claim`. */
  readonly way: string
  /** Whether a claim of its author and kind is open, so that a rotated slot may be pushed. */
  readonly isPush: boolean
}

/** All that was seen in a run. */
export interface Observations {
  readonly published: readonly Published[]
  readonly deleted: readonly Deleted[]
  readonly claimed: readonly Claimed[]
  readonly sighted: readonly Sighted[]
}

/** A promise that was broken, and how it shows. */
export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5'
  readonly what: string
  /** In milliseconds of the generator's clock. */
  readonly at: number
}

export const ONE_TIME = 443
export const SLOT = 30443

/** Whether one thing was over before the other began, whatever the network did. */
export function isSurelyBefore(one: Interval, other: Interval): boolean {
  return one.answeredAt < other.sentAt
}

/** The values by the key of each, in their order. */
export function groupedBy<Value, Key>(
  values: Iterable<Value>,
  keyOf: (value: Value) => Key,
): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
