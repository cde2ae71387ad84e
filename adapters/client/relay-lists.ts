/** Relay lists: where an author's key packages are (kinds 10051 and 10002), and where messages go (kind 10050). */

import type { EventTemplate, NostrEvent } from 'nostr-tools/core'
import type { Filter } from 'nostr-tools/filter'
import { DirectMessageRelaysList, RelayList } from 'nostr-tools/kinds'
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
 * Where an author's relays are.
 * - `found`: key packages are to be asked for at `relays`.
 * - `missing`: no relay has a list that says where the key packages are.
 * - `unanswered`: as `missing`, and a relay that was asked did not answer.
 */
export interface Discovery {
  readonly outcome: 'found' | 'missing' | 'unanswered'
  /** Where to ask for key packages: `keyPackageRelays`, then the others of `writeRelays`. */
  readonly relays: readonly string[]
  /** Kind 10051, of older clients: at most the first ten of the list. */
  readonly keyPackageRelays: readonly string[]
  /** Kind 10002 (NIP-65), of newer clients: those marked `write` or not marked, at most the first ten. */
  readonly writeRelays: readonly string[]
  /** Kind 10050 (NIP-17), for the gift wrap of a Welcome: at most the first ten. */
  readonly inboxRelays: readonly string[]
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
  const filters = [{ kinds: [RELAY_LIST_KIND, RelayList, DirectMessageRelaysList], authors: [author] }]
  const replies = await Promise.all(
    lookupRelays.map(async (relay) => ({ relay, reply: await request(relay, filters) })),
  )
  const events = replies.flatMap(({ reply }) => reply.events.filter(isSignedEvent))
  const unanswered = replies.filter(({ reply }) => reply.end.by !== 'eose').map(({ relay }) => relay)
  const keyPackageRelays = newestList(events, author, RELAY_LIST_KIND, relaysOf)
  const writeRelays = newestList(events, author, RelayList, getWriteRelays)
  const inboxRelays = newestList(events, author, DirectMessageRelaysList, relaysOf)
  // Who has moved to a newer client may have left an old list behind, so the other one counts as well.
  const relays = [...new Set([...keyPackageRelays, ...writeRelays])]
  const otherwise = unanswered.length > 0 ? 'unanswered' : 'missing'
  const outcome = relays.length > 0 ? 'found' : otherwise
  return { outcome, relays, keyPackageRelays, writeRelays, inboxRelays, unanswered }
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
