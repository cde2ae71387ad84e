/** What one client did to one author's packages, and what it saw of it: an entry of a history. */

import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import type { Claim, Deletion, PutOutcome, StockedPackage } from '../../../plugin/store.ts'

/** No answer, or an `error:`: it may happen at any time after that, or never. */
type Unknown = 'unknown'

interface Attempt {
  readonly author: Pubkey
  /** Who did it, as a timeline names them. */
  readonly by: string
  /** Milliseconds of a clock that never goes back. */
  readonly invokedAt: number
  /** Infinity if the answer is unknown. */
  readonly answeredAt: number
  /** What the server's clock may have said meanwhile, in seconds since the epoch: a clock that was stepped, two times. */
  readonly seconds: readonly number[]
}

interface Publication extends Attempt {
  readonly do: 'publish'
  readonly pkg: StockedPackage
  /** Only what its author sends, authenticated, counts in the author's publish quota. */
  readonly sentBy: 'author' | 'others'
  /** One of these; others than the author are not told which. */
  readonly answer: readonly PutOutcome[] | Unknown
}

/**
 * What a claim was answered with.
 * - `delivered`: these packages.
 * - `empty`: none, because there are none or because a quota is used up; an answer for several authors does not say for which.
 */
type ClaimAnswer =
  | { readonly outcome: 'delivered'; readonly ids: readonly EventId[] }
  | { readonly outcome: 'empty'; readonly because: readonly ('none' | 'limited')[] }

export interface Claiming extends Attempt {
  readonly do: 'claim'
  readonly claim: Claim
  readonly answer: ClaimAnswer | Unknown
  /**
   * What is known of a claim without an answer. A gateway that could not send what it claimed releases it. `owed`: it must have,
   * because the client had left before anything was claimed.
   */
  readonly release: 'possible' | 'owed'
}

interface Deleting extends Attempt {
  readonly do: 'delete'
  readonly deletion: Deletion
  readonly answer: 'deleted' | 'full' | Unknown
}

/** The owner counts, or lists, what is left. It changes nothing, so one without an answer is no part of a history. */
interface Counting extends Attempt {
  readonly do: 'count'
  readonly kinds: readonly number[]
  readonly answer: number
}

interface Listing extends Attempt {
  readonly do: 'list'
  readonly answer: readonly EventId[]
}

export type Operation = Publication | Claiming | Deleting | Counting | Listing

export function isUnknown({ answer }: Operation): boolean {
  return answer === 'unknown'
}
