/** What a store knows of an author's relay list (kind 10051), and what a newer one or a deletion makes of it. Pure. */

import type { SignedEvent } from '../nostr/messages.ts'
import { supersedes } from './relay-list.ts'

export interface KnownRelayList {
  readonly event?: SignedEvent
  /** A list created until then, in seconds since the epoch, was deleted and does not come back (NIP-09). */
  readonly deletedUntil?: number
}

/** `KeyPackageStore.putRelayList`, before it is written; what is known changes only where it comes out `stored`. */
export function offerRelayList(
  known: KnownRelayList,
  event: SignedEvent,
): { known: KnownRelayList; outcome: 'stored' | 'duplicate' | 'stale' } {
  if (known.event?.id === event.id) return { known, outcome: 'duplicate' }
  const isDeleted = known.deletedUntil !== undefined && event.created_at <= known.deletedUntil
  const isOlder = known.event !== undefined && !supersedes(event, known.event)
  if (isDeleted || isOlder) return { known, outcome: 'stale' }
  return { known: { ...known, event }, outcome: 'stored' }
}

/** `KeyPackageStore.dropRelayList`, before it is written. */
export function deleteRelayList(
  { event, deletedUntil }: KnownRelayList,
  createdUntil: number,
): KnownRelayList {
  const until = Math.max(createdUntil, deletedUntil ?? createdUntil)
  return event !== undefined && event.created_at > until
    ? { event, deletedUntil: until }
    : { deletedUntil: until }
}
