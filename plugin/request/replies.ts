/** The replies to a REQ in which owners ask for their own packages. Each reply is made on demand. */

import type { ClientMessage, EventId, GatewayMessage, SignedEvent } from '../nostr/messages.ts'
import { Refusal, refusalMessage, UNAVAILABLE } from '../nostr/refusal.ts'
import type { Feed } from './feed.ts'
import type { OwnPiece } from './own-packages.ts'
import { isSubscriptionId } from './subscriptions.ts'

/** What is known about the REQ when its answer begins. */
export interface OwnRequest {
  readonly id: string
  /** Packages claimed from other authors. They are already spent, so they are sent first, even if the rest fails. */
  readonly claimed: readonly SignedEvent[]
  readonly notices: readonly string[]
  readonly pieces: AsyncIterable<OwnPiece>
  /**
   * What the REQ gets besides the owners' lists.
   * - `relay`: the relay answers a part of the REQ, and sends the EOSE.
   * - `claims`: other authors were answered, so a failed list only adds a notice.
   * - `nothing`: there are only the lists; if they fail, the REQ is refused.
   */
  readonly besides: 'relay' | 'claims' | 'nothing'
  readonly feed: Feed
  /** Aborted when the client closes the subscription or disconnects. */
  readonly gone: AbortSignal
  /** Ends the subscription. */
  readonly fail: () => void
}

export async function* ownReplies(request: OwnRequest): AsyncGenerator<GatewayMessage, void> {
  const { id, claimed, pieces, besides, feed, gone, fail } = request
  const unavailable = new Refusal('error', UNAVAILABLE)
  const notices = new Set(request.notices)
  const shown = new Set<EventId>(claimed.map(({ id: claimedId }) => claimedId))
  yield* claimed.map((event) => eventMessage(id, event))
  for await (const piece of pieces) {
    if (piece.outcome === 'event') {
      shown.add(piece.event.id)
      yield eventMessage(id, piece.event)
    } else if (piece.outcome === 'notice') {
      notices.add(piece.message)
    } else if (besides === 'nothing') {
      fail()
      yield refusalMessage(['REQ', id], unavailable)
      return
    } else {
      notices.add(unavailable.message)
    }
  }
  if (gone.aborted) return
  yield* endOf(id, [...notices], besides === 'relay' ? 'relay' : 'gateway')
  yield* feed.flow(shown).map((event) => eventMessage(id, event))
}

/** The messages after the stored events: NOTICEs, then EOSE unless the relay sends it. */
export function endOf(id: string, notices: readonly string[], eoseBy: 'gateway' | 'relay'): GatewayMessage[] {
  return [
    ...notices.map((why): GatewayMessage => ['NOTICE', why]),
    ...(eoseBy === 'relay' ? [] : [['EOSE', id] as const]),
  ]
}

/**
 * The replies to a message that is refused. A REQ gets an EOSE before its CLOSED: a client that waits for EOSE alone must not
 * hang. None where the client should ask again: it could take EOSE for the answer that there is nothing.
 */
export function refusedReplies(message: ClientMessage, refusal: Refusal): GatewayMessage[] {
  const [verb, id] = message
  const refused = refusalMessage(message, refusal)
  const isToRepeat = refusal.prefix === 'auth-required' || refusal.prefix === 'error'
  return verb === 'REQ' && isSubscriptionId(id) && !isToRepeat ? [['EOSE', id], refused] : [refused]
}

export function eventMessage(id: string, event: SignedEvent): GatewayMessage {
  return ['EVENT', id, event]
}
