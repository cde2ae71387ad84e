/** The replies to a REQ by which owners ask for their own packages. Each is made when it is asked for. */

import type { EventId, GatewayMessage, SignedEvent } from '../nostr/messages.ts'
import { Refusal, refusalMessage } from '../nostr/refusal.ts'
import type { OwnPiece } from './own-packages.ts'
import { UNAVAILABLE } from './plan.ts'
import type { HeldFeed } from './subscriptions.ts'

/** What is known of the REQ when its answer begins. */
export interface OwnRequest {
  readonly id: string
  /** What was claimed of others. It is spent, so it goes out first, whatever becomes of the rest. */
  readonly claimed: readonly SignedEvent[]
  readonly notices: readonly string[]
  readonly pieces: AsyncIterable<OwnPiece>
  /**
   * - `relay`: the relay has a part of the REQ, and ends it.
   * - `claims`: other authors were answered, so a list that fails is no more than a notice.
   * - `nothing`: there is nothing besides the lists, and without them the REQ is refused.
   */
  readonly besides: 'relay' | 'claims' | 'nothing'
  readonly feed: HeldFeed
  /** Aborted where the client has closed the subscription, or is gone. */
  readonly gone: AbortSignal
  /** Ends the subscription. */
  readonly fail: () => void
}

export async function* ownReplies(request: OwnRequest): AsyncGenerator<GatewayMessage, void> {
  const { id, claimed, pieces, besides, feed, gone, fail } = request
  const unavailable = new Refusal('error', UNAVAILABLE)
  const notices = new Set(request.notices)
  const shown = new Set<EventId>()
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
  yield* endOf(id, [...notices], besides === 'relay')
  yield* feed.flow(shown).map((event) => eventMessage(id, event))
}

/** What comes after the events. */
export function endOf(id: string, notices: readonly string[], isForwarded: boolean): GatewayMessage[] {
  return [
    ...notices.map((why): GatewayMessage => ['NOTICE', why]),
    ...(isForwarded ? [] : [['EOSE', id] as const]),
  ]
}

export function eventMessage(id: string, event: SignedEvent): GatewayMessage {
  return ['EVENT', id, event]
}
