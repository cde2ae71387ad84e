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
