/** One REQ at one relay, up to its end, by nostr-tools; what nostr-tools would keep to itself included. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Filter } from 'nostr-tools/filter'
import { wordsOf } from './refusals.ts'
import { LONGEST_TIMER_MS, type Time } from './time.ts'

/**
 * How the answer to a REQ ended.
 * - `eose`: with everything the relay has.
 * - `closed`: by the relay, which says why.
 * - `silence`: not in time.
 * - `loss`: with the connection.
 */
type End =
  | { readonly by: 'eose' }
  | { readonly by: 'closed'; readonly message: string }
  | { readonly by: 'silence' | 'loss' }

export interface Reply {
  /** Whatever came as an event, checked by nobody. */
  readonly events: readonly unknown[]
  /** NOTICEs that came meanwhile: they name no subscription, so one REQ at a time is asked where they matter. */
  readonly notices: readonly string[]
  readonly end: End
}

export interface Patience {
  readonly time: Time
  /** How long an answer may take. */
  readonly patienceMs: number
}

/** More than anybody has for as many authors as may be asked for: a relay that goes on is heard no further. */
const MOST_MESSAGES = 10_000
const MOST_CHARACTERS = 2 ** 24

/** Never rejects. */
export function ask(
  relay: AbstractRelay,
  filters: readonly Filter[],
  { time, patienceMs }: Patience,
): Promise<Reply> {
  // nostr-tools rejects where nobody can hear it, if it sends on a closed connection.
  if (!relay.connected) return Promise.resolve({ events: [], notices: [], end: { by: 'loss' } })
  return new Promise((resolve) => {
    const events: unknown[] = []
    const notices: string[] = []
    let characters = 0
    const keep = <Message>(message: Message, messages: Message[]) => {
      if (isOver) return
      messages.push(message)
      characters += JSON.stringify(message).length
      const isEndless = events.length + notices.length >= MOST_MESSAGES || characters >= MOST_CHARACTERS
      if (isEndless) finish({ by: 'eose' })
    }
    let isOver = false
    const stopHearing = hearNotices(relay, (notice) => keep(notice, notices))
    const stopWaiting = time.after(patienceMs, () => finish({ by: 'silence' }))
    const finish = (end: End) => {
      if (isOver) return
      isOver = true
      stopWaiting()
      stopHearing()
      // This ends nostr-tools' own waiting, which would keep a process alive.
      subscription.receivedEose()
      if (end.by === 'eose' || end.by === 'silence') subscription.close()
      resolve({ events, notices, end })
    }
    const subscription = relay.subscribe([...filters], {
      // nostr-tools would take its own patience for an EOSE.
      eoseTimeout: LONGEST_TIMER_MS,
      onevent: (event) => keep(event, events),
      // Here comes what the gateway re-encoded, for want of a good signature, and what was asked for with `#f`: that is
      // no tag of the event, so nostr-tools finds that the event does not match.
      oninvalidevent: (event) => keep(event, events),
      oneose: () => finish({ by: 'eose' }),
      // Also when the connection is closed, which nostr-tools says only after this.
      onclose: (reason: unknown) => {
        const message = wordsOf(reason)
        queueMicrotask(() => finish(relay.connected ? { by: 'closed', message } : { by: 'loss' }))
      },
    })
  })
}

/** Hears a relay's NOTICEs beside whoever does so already, until the returned function is called. */
function hearNotices(relay: AbstractRelay, hear: (notice: string) => void): () => void {
  const before = relay.onnotice
  const hearToo = (notice: string) => {
    hear(wordsOf(notice))
    before(notice)
  }
  relay.onnotice = hearToo
  return () => {
    // Whoever came later hears through this one, and puts it back.
    if (relay.onnotice === hearToo) relay.onnotice = before
  }
}
