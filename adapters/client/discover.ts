/** Where somebody's key packages are: on the relays of their kind 10051 event, else on those they write to (10002). */

import type { NostrEvent } from 'nostr-tools/core'
import type { Filter } from 'nostr-tools/filter'
import { RelayList } from 'nostr-tools/kinds'
import { verifyEvent } from 'nostr-tools/pure'
import { normalizeURL } from 'nostr-tools/utils'
import { RELAY_LIST_KIND, supersedes } from '../../plugin/lifecycle/relay-list.ts'
import { isSignedEvent } from '../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { Reply } from './ask.ts'
import { checkPubkey } from './pubkey.ts'
import { getKeyPackageRelayList, getWriteRelays } from './relay-lists.ts'

/**
 * Where an author's packages are.
 * - `key package relay list`: the author says so.
 * - `write relays`: the author writes there, and says nothing of key packages.
 * - `unknown`: no relay that answered knows.
 */
export interface Discovery {
  readonly by: 'key package relay list' | 'write relays' | 'unknown'
  /** The first ten that the author names. */
  readonly relays: readonly string[]
  /** Of the relays that were asked, those that did not answer. */
  readonly unanswered: readonly string[]
}

/** Three to five are enough; whoever names a thousand shall not have everybody connect to them. */
const MOST_RELAYS = 10

/** @throws Error where the author is no pubkey */
export async function discover(
  author: string,
  lookup: readonly string[],
  askRelay: (relay: string, filters: readonly Filter[]) => Promise<Reply>,
): Promise<Discovery> {
  checkPubkey(author)
  const filters = [{ kinds: [RELAY_LIST_KIND, RelayList], authors: [author] }]
  const replies = await Promise.all(
    lookup.map(async (relay) => ({ relay, reply: await askRelay(relay, filters) })),
  )
  const events = replies.flatMap(({ reply }) => reply.events.filter(isSignedEvent))
  const unanswered = replies.filter(({ reply }) => reply.end.by !== 'eose').map(({ relay }) => relay)
  const listed = newest(events, author, RELAY_LIST_KIND, getKeyPackageRelayList)
  if (listed.length > 0) return { by: 'key package relay list', relays: listed, unanswered }
  const written = newest(events, author, RelayList, getWriteRelays)
  return { by: written.length > 0 ? 'write relays' : 'unknown', relays: written, unanswered }
}

/** What the newest of an author's events of a kind says; what nobody signed does not count. */
function newest(
  events: readonly SignedEvent[],
  author: string,
  kind: number,
  relaysOf: (event: NostrEvent) => string[],
): readonly string[] {
  const [last] = events
    .filter((event) => event.kind === kind && event.pubkey === author)
    .filter((event) => verifyEvent(event as unknown as NostrEvent))
    .sort((a, b) => (supersedes(a, b) ? -1 : 1))
  return last === undefined ? [] : reachable(relaysOf(last as unknown as NostrEvent))
}

/** Each relay once, as nostr-tools writes its address; not those of which it can make none. */
function reachable(relays: readonly string[]): string[] {
  const addresses = relays.flatMap((relay) => {
    try {
      return [normalizeURL(relay)]
    } catch {
      return []
    }
  })
  return [...new Set(addresses)].slice(0, MOST_RELAYS)
}
