/** Relay lists: where an author's key packages are (kind 10051), and where the author writes (kind 10002, NIP-65). */

import type { EventTemplate, NostrEvent } from 'nostr-tools/core'
import type { Filter } from 'nostr-tools/filter'
import { RelayList } from 'nostr-tools/kinds'
import { verifyEvent } from 'nostr-tools/pure'
import { normalizeURL } from 'nostr-tools/utils'
import { RELAY_LIST_KIND, relaysOf, supersedes, writeRelaysOf } from '../../plugin/lifecycle/relay-list.ts'
import { isSignedEvent } from '../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { Reply } from './request.ts'
import { checkPubkey } from './settings.ts'

/**
 * The event that lists the relays with the author's key packages (kind 10051), for the author to sign. Three to five
 * relays are enough.
 * @param createdAt seconds since the epoch; by default the clock of the machine
 */
export function createKeyPackageRelayListEvent(
  relays: readonly string[],
  createdAt = Math.floor(Date.now() / 1000),
): EventTemplate {
  const tags = relays.map((url) => ['relay', url])
  return { kind: RELAY_LIST_KIND, created_at: createdAt, tags, content: '' }
}

/** Whether it is a kind 10051 event that lists at least one relay. */
export function isValidKeyPackageRelayListEvent(event: NostrEvent | undefined): boolean {
  return event?.kind === RELAY_LIST_KIND && getKeyPackageRelayList(event).length > 0
}

/** The ws:// and wss:// addresses of a kind 10051 event, in order. */
export function getKeyPackageRelayList(event: Pick<NostrEvent, 'tags'>): string[] {
  return relaysOf(event)
}

/** The relays of a kind 10002 event that are marked `write` or have no marker (NIP-65). */
export function getWriteRelays(event: Pick<NostrEvent, 'tags'>): string[] {
  return writeRelaysOf(event)
}

/**
 * Where an author's key packages are, and which list says so.
 * - `key package relay list`: the author's kind 10051 event.
 * - `write relays`: the author's kind 10002 event; there is no kind 10051 event.
 * - `unknown`: no relay that answered has either.
 */
export interface Discovery {
  readonly source: 'key package relay list' | 'write relays' | 'unknown'
  /** At most the first ten of the list. */
  readonly relays: readonly string[]
  /** The relays that were asked and did not answer. */
  readonly unanswered: readonly string[]
}

/** Three to five are usual. A longer list shall not make every client connect to all of it. */
const MAX_RELAYS = 10

/** @throws Error if the author is not a pubkey */
export async function discover(
  author: string,
  lookupRelays: readonly string[],
  request: (relay: string, filters: readonly Filter[]) => Promise<Reply>,
): Promise<Discovery> {
  checkPubkey(author)
  const filters = [{ kinds: [RELAY_LIST_KIND, RelayList], authors: [author] }]
  const replies = await Promise.all(
    lookupRelays.map(async (relay) => ({ relay, reply: await request(relay, filters) })),
  )
  const events = replies.flatMap(({ reply }) => reply.events.filter(isSignedEvent))
  const unanswered = replies.filter(({ reply }) => reply.end.by !== 'eose').map(({ relay }) => relay)
  const listed = newestList(events, author, RELAY_LIST_KIND, getKeyPackageRelayList)
  if (listed.length > 0) return { source: 'key package relay list', relays: listed, unanswered }
  const written = newestList(events, author, RelayList, getWriteRelays)
  return { source: written.length > 0 ? 'write relays' : 'unknown', relays: written, unanswered }
}

/** The relays of the author's newest event of a kind; events without a valid signature are ignored. */
function newestList(
  events: readonly SignedEvent[],
  author: string,
  kind: number,
  relaysIn: (event: NostrEvent) => string[],
): readonly string[] {
  const [newest] = events
    .filter((event) => event.kind === kind && event.pubkey === author)
    .filter((event) => verifyEvent(event))
    .sort((a, b) => (supersedes(a, b) ? -1 : 1))
  return newest === undefined ? [] : normalize(relaysIn(newest))
}

/** Each relay once; addresses that nostr-tools cannot normalize are left out. */
function normalize(relays: readonly string[]): string[] {
  const addresses = relays.flatMap((relay) => {
    try {
      return [normalizeURL(relay)]
    } catch {
      return []
    }
  })
  return [...new Set(addresses)].slice(0, MAX_RELAYS)
}
