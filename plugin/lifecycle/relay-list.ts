/** Relay lists: their kinds, their checks, and the relays they name. */

import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import { readUrl } from '../read-url.ts'

/** Where an author's key packages are. */
export const RELAY_LIST_KIND = 10051
/** Where an author writes and reads (NIP-65). */
export const WRITE_RELAYS_KIND = 10002
/** Where an author receives gift-wrapped messages (NIP-17), such as welcomes. */
export const INBOX_RELAYS_KIND = 10050
/** Every kind of relay list that a store keeps: the newest event of each author and kind. */
export const RELAY_LIST_KINDS: readonly number[] = [WRITE_RELAYS_KIND, INBOX_RELAYS_KIND, RELAY_LIST_KIND]

/** Of the event as JSON. Anybody may publish a relay list, so its length is limited (I9). */
const MAX_CHARACTERS = 4096

/**
 * A list of kind 10002 or 10050 may be empty: a newer replaceable event is the only way to say that there are none.
 * @throws Refusal `invalid` if the list is too long, or of kind 10051 and names no relay
 */
export function checkRelayList(event: SignedEvent): void {
  if (isTooLong(event)) {
    throw new Refusal('invalid', `a relay list may have at most ${MAX_CHARACTERS} characters as JSON`)
  }
  if (event.kind !== RELAY_LIST_KIND || relaysOf(event).length > 0) return
  throw new Refusal('invalid', 'a key package relay list must have a relay tag with a ws:// or wss:// URL')
}

export function isTooLong(event: SignedEvent): boolean {
  return JSON.stringify(event).length > MAX_CHARACTERS
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

/** The ws:// and wss:// URLs of a kind 10051 event. */
export function relaysOf(event: Pick<SignedEvent, 'tags'>): string[] {
  return event.tags.flatMap(([name, url = '']) => (name === 'relay' && isRelayUrl(url) ? [url] : []))
}

/** The ws:// and wss:// URLs of a kind 10002 event that are marked `write` or have no marker (NIP-65). */
export function writeRelaysOf(event: Pick<SignedEvent, 'tags'>): string[] {
  return event.tags.flatMap(([name, url = '', marker = '']) =>
    name === 'r' && (marker === '' || marker === 'write') && isRelayUrl(url) ? [url] : [],
  )
}

function isRelayUrl(text: string): boolean {
  return /^wss?:$/.test(readUrl(text)?.protocol ?? '')
}
