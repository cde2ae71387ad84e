/** One REQ to one relay, up to its EOSE, including what nostr-tools would not pass on. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Filter } from 'nostr-tools/filter'
import { RELAY_LIST_KIND } from '../../plugin/lifecycle/relay-list.ts'
import { MAX_TIMER_MS, type Timeout } from './time.ts'

/**
 * How the answer to a REQ ended.
 * - `eose`: the relay sent all it has.
 * - `closed`: the relay closed the subscription and said why.
 * - `timeout`: the relay did not finish in time.
 * - `disconnect`: the connection was lost.
 */
type End =
  | { readonly by: 'eose' }
  | { readonly by: 'closed'; readonly message: string }
  | { readonly by: 'timeout' | 'disconnect' }

/** Everything a relay sent in answer to a REQ. */
export interface Reply {
  /** Everything that came as an event, unchecked. */
  readonly events: readonly unknown[]
  /** All NOTICEs meanwhile. They name no subscription, so where they matter only one REQ may be open at a time. */
  readonly notices: readonly string[]
  readonly end: End
}

/** More than one query can need. A relay that sends more is cut off there. */
const MAX_MESSAGES = 10_000
const MAX_CHARACTERS = 2 ** 24

/** A REQ that costs nothing: its answer comes after all that the relay had to say before. */
const FENCE: Filter = { kinds: [RELAY_LIST_KIND], limit: 1 }

/** Whether the relay has sent everything that it could send. */
export type IsComplete = (reply: Pick<Reply, 'events' | 'notices'>) => boolean

/**
 * Never rejects. A relay may say only after its EOSE why something is missing (`CLOSED "rate-limited: ..."`): if the reply
 * is not complete, that is waited for, until the relay has answered another REQ.
 */
export function requestEvents(
  relay: AbstractRelay,
  filters: readonly Filter[],
  { time, timeoutMs }: Timeout,
  isComplete: IsComplete = () => true,
): Promise<Reply> {
  // On a closed connection nostr-tools rejects a promise that nobody can catch.
  if (!relay.connected) return Promise.resolve({ events: [], notices: [], end: { by: 'disconnect' } })
  return new Promise((resolve) => {
    const events: unknown[] = []
    const notices: string[] = []
    let characters = 0
    const keep = <Message>(message: Message, messages: Message[]) => {
      if (isOver) return
      messages.push(message)
      characters += JSON.stringify(message).length
      const isTooMuch = events.length + notices.length >= MAX_MESSAGES || characters >= MAX_CHARACTERS
      if (isTooMuch) finish({ by: 'eose' })
    }
    let isOver = false
    const stopNotices = listenForNotices(relay, (notice) => keep(notice, notices))
    const stopTimer = time.after(timeoutMs, () => finish({ by: 'timeout' }))
    const finish = (end: End) => {
      if (isOver) return
      isOver = true
      stopTimer()
      stopNotices()
      // Stops the EOSE timer of nostr-tools, which would keep the process alive.
      subscription.receivedEose()
      if (end.by === 'eose' || end.by === 'timeout') subscription.close()
      resolve({ events, notices, end })
    }
    let isFenced = false
    let closed: End | undefined
    const finishUnlessClosed = async () => {
      if (isOver || isFenced) return
      if (isComplete({ events, notices })) return finish({ by: 'eose' })
      isFenced = true
      stopTimer()
      const authors = filters.flatMap((filter) => filter.authors ?? []).slice(0, 1)
      const { end } = await requestEvents(relay, [{ ...FENCE, authors }], { time, timeoutMs })
      const isAnswered = end.by === 'eose' || end.by === 'closed'
      finish(closed ?? (isAnswered ? { by: 'eose' } : end))
    }
    const close = (end: End) => {
      if (isFenced) closed = end
      else finish(end)
    }
    const subscription = relay.subscribe([...filters], {
      // nostr-tools reports its own timeout as an EOSE.
      eoseTimeout: MAX_TIMER_MS,
      onevent: (event) => keep(event, events),
      // A re-encoded event has no valid signature until it is restored, and `#f` matches no tag of an event, so
      // nostr-tools reports both as invalid.
      oninvalidevent: (event) => keep(event, events),
      oneose: () => void finishUnlessClosed(),
      // Also called when the connection closes; `connected` is only updated after that.
      onclose: (reason: unknown) => {
        const message = textOf(reason)
        queueMicrotask(() => close(relay.connected ? { by: 'closed', message } : { by: 'disconnect' }))
      },
    })
  })
}

/** What a relay sent as a text; empty if it is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Adds a listener for NOTICEs, until the returned function is called. The previous listener still gets them. */
function listenForNotices(relay: AbstractRelay, onNotice: (notice: string) => void): () => void {
  const previous = relay.onnotice
  const listener = (notice: string) => {
    onNotice(textOf(notice))
    previous(notice)
  }
  relay.onnotice = listener
  return () => {
    // A listener added later calls this one, and restores it when it stops.
    if (relay.onnotice === listener) relay.onnotice = previous
  }
}
