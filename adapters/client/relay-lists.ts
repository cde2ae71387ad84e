/** The events that say where somebody's key packages are (kind 10051), and where they write (kind 10002, NIP-65). */

import type { EventTemplate, NostrEvent } from 'nostr-tools/core'
import { isRelayUrl, RELAY_LIST_KIND, relaysOf } from '../../plugin/lifecycle/relay-list.ts'

/**
 * The event that says where the author's key packages are (kind 10051); three to five relays are enough.
 * @param createdAt seconds since the epoch; the machine's clock by default
 */
export function createKeyPackageRelayListEvent(
  relays: readonly string[],
  createdAt = Math.floor(Date.now() / 1000),
): EventTemplate {
  const tags = relays.map((url) => ['relay', url])
  return { kind: RELAY_LIST_KIND, created_at: createdAt, tags, content: '' }
}

/** Whether it is a kind 10051 event that names a relay. */
export function isValidKeyPackageRelayListEvent(event: NostrEvent | undefined): boolean {
  return event?.kind === RELAY_LIST_KIND && getKeyPackageRelayList(event).length > 0
}

/** The ws:// and wss:// addresses of a kind 10051 event, in order. */
export function getKeyPackageRelayList(event: Pick<NostrEvent, 'tags'>): string[] {
  return relaysOf(event)
}

/** Where the author of a kind 10002 event writes: its `r` tags that say so, or say neither. */
export function getWriteRelays({ tags }: Pick<NostrEvent, 'tags'>): string[] {
  return tags.flatMap(([name, url = '', marker = 'write']) =>
    name === 'r' && marker === 'write' && isRelayUrl(url) ? [url] : [],
  )
}
