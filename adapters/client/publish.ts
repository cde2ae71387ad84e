/** Publishes an event to the first relay that accepts it, or to all relays, and reports what each answered. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { NostrEvent } from 'nostr-tools/core'
import { parseRefusal } from '../../plugin/nostr/machine-readable.ts'
import { textOf } from './request.ts'
import { type Pauses, retryDelayMs, type Time, type Timeout, withTimeout } from './time.ts'

/**
 * What a relay answered to an EVENT.
 * - `accepted`: it has the event, or had it before (`duplicate: ...`).
 * - `refused`: it does not have the event.
 * - `unreachable`: the event could not be sent.
 * - `unanswered`: the event was sent; the relay may have it.
 */
export interface PublishOutcome {
  readonly outcome: 'accepted' | 'refused' | 'unreachable' | 'unanswered'
  readonly message: string
}

/** The result of publishing an event. Each relay that was tried is in one of the three lists, with its last message. */
export interface Publication {
  readonly event: NostrEvent
  readonly acceptedBy: readonly RelayMessage[]
  /** These relays do not have the event: they refused it, or could not be reached. */
  readonly refusals: readonly RelayMessage[]
  /** These relays may have the event and hand it out, so keep the private keys that belong to it. */
  readonly unanswered: readonly RelayMessage[]
}

/** What a relay said, or why it said nothing. */
export interface RelayMessage {
  readonly relay: string
  readonly message: string
}

export interface PublishSettings {
  readonly publish: (relay: string, event: NostrEvent) => Promise<PublishOutcome>
  /** How often a relay that does not answer is tried; at least 1. */
  readonly attempts: number
  readonly time: Time
  readonly pauses: Pauses
}

/** Never rejects. */
export async function publishToRelay(
  relay: AbstractRelay,
  event: NostrEvent,
  timeout: Timeout,
): Promise<PublishOutcome> {
  try {
    // nostr-tools waits without end if the reason in an OK is not a text.
    const message = await withTimeout(relay.publish(event), timeout)
    return { outcome: 'accepted', message: textOf(message) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // The messages of nostr-tools itself, such as that of its timeout, have no prefix.
    return { outcome: parseRefusal(message).prefix === '' ? 'unanswered' : 'refused', message }
  }
}

/**
 * Publishes to the first relay that accepts the event, and to no other: two gateways would hand the same package to two
 * requesters. For the same reason no other relay is tried once one may have it.
 */
export async function publishToFirst(
  event: NostrEvent,
  relays: readonly string[],
  { publish, attempts, time, pauses }: PublishSettings,
): Promise<Publication> {
  const refusals = new Map<string, string>()
  const unanswered = new Map<string, string>()
  const publication = (acceptedBy: readonly RelayMessage[]): Publication => ({
    event,
    acceptedBy,
    refusals: toList(refusals),
    unanswered: toList(unanswered),
  })
  let candidates = relays
  for (let failures = 0; ; failures++) {
    for (const relay of candidates) {
      const { outcome, message } = await publish(relay, event)
      refusals.delete(relay)
      if (outcome === 'accepted') {
        unanswered.delete(relay)
        return publication([{ relay, message }])
      }
      // Whatever the relay answers now, it may have the event from an earlier attempt.
      const messages = outcome === 'unanswered' || unanswered.has(relay) ? unanswered : refusals
      messages.set(relay, message)
      if (outcome === 'refused') candidates = candidates.filter((other) => other !== relay)
      if (outcome !== 'unanswered') continue
      candidates = [relay]
      break
    }
    if (candidates.length === 0 || failures + 1 >= attempts || pauses.isClosed) return publication([])
    await pauses.wait(retryDelayMs(failures, time.random()))
  }
}

export async function publishToAll(
  event: NostrEvent,
  relays: readonly string[],
  settings: PublishSettings,
): Promise<Publication> {
  const publications = await Promise.all(relays.map((relay) => publishToFirst(event, [relay], settings)))
  return {
    event,
    acceptedBy: publications.flatMap(({ acceptedBy }) => acceptedBy),
    refusals: publications.flatMap(({ refusals }) => refusals),
    unanswered: publications.flatMap(({ unanswered }) => unanswered),
  }
}

function toList(messages: ReadonlyMap<string, string>): RelayMessage[] {
  return [...messages].map(([relay, message]) => ({ relay, message }))
}
