/** Kind 10051: on which relays an author's key packages are. */

import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'

export const RELAY_LIST_KIND = 10051
/** Anybody may leave one here, so it is as long as a list of relays may be and no longer. */
const MOST_CHARACTERS = 16_384

/** @throws Refusal `invalid` where the list names no relay, or is longer than a list of relays */
export function checkRelayList(event: SignedEvent): void {
  if (event.content.length + event.tags.flat().join().length > MOST_CHARACTERS) {
    throw new Refusal('invalid', `a key package relay list may have at most ${MOST_CHARACTERS} characters`)
  }
  if (relaysOf(event).length > 0) return
  throw new Refusal('invalid', 'a key package relay list must have a relay tag with a ws:// or wss:// URL')
}

interface Dated {
  readonly id: string
  readonly created_at: number
}

/** Of two replaceable events the newest stays; of two equally new the one with the lowest id (NIP-01). */
export function supersedes(event: Dated, other: Dated): boolean {
  if (event.created_at !== other.created_at) return event.created_at > other.created_at
  return event.id < other.id
}

/** The ws(s) addresses of a relay list. */
export function relaysOf(event: Pick<SignedEvent, 'tags'>): string[] {
  return event.tags.flatMap(([name, url = '']) => (name === 'relay' && isRelayUrl(url) ? [url] : []))
}

export function isRelayUrl(text: string): boolean {
  return URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)
}

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
