/** Key package relay lists (kind 10051): their checks, and which one of an author is kept. */

import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'

export const RELAY_LIST_KIND = 10051
/** Anybody may publish a relay list, so its length is limited (I9). */
const MAX_CHARACTERS = 16_384

/** @throws Refusal `invalid` if the list names no relay or is too long */
export function checkRelayList(event: SignedEvent): void {
  if (event.content.length + event.tags.flat().join().length > MAX_CHARACTERS) {
    throw new Refusal('invalid', `a key package relay list may have at most ${MAX_CHARACTERS} characters`)
  }
  if (relaysOf(event).length > 0) return
  throw new Refusal('invalid', 'a key package relay list must have a relay tag with a ws:// or wss:// URL')
}

interface Dated {
  readonly id: string
  readonly created_at: number
}

/** Whether an event replaces another: the newer one wins, or the lower id if both are equally new (NIP-01). */
export function supersedes(event: Dated, other: Dated): boolean {
  if (event.created_at !== other.created_at) return event.created_at > other.created_at
  return event.id < other.id
}

/** The ws:// and wss:// URLs of a relay list. */
export function relaysOf(event: Pick<SignedEvent, 'tags'>): string[] {
  return event.tags.flatMap(([name, url = '']) => (name === 'relay' && isRelayUrl(url) ? [url] : []))
}

export function isRelayUrl(text: string): boolean {
  return URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)
}

/** What a store knows of an author's relay list. */
export interface KnownRelayList {
  readonly event?: SignedEvent
  /** Lists created until then (seconds since the epoch) were deleted and are not accepted again (NIP-09). */
  readonly deletedUntil?: number
}

/** The rules of `KeyPackageStore.putRelayList`. `known` changes only if the outcome is `stored`. */
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

/** The rules of `KeyPackageStore.dropRelayList`. */
export function deleteRelayList(
  { event, deletedUntil }: KnownRelayList,
  createdUntil: number,
): KnownRelayList {
  const until = Math.max(createdUntil, deletedUntil ?? createdUntil)
  return event !== undefined && event.created_at > until
    ? { event, deletedUntil: until }
    : { deletedUntil: until }
}
