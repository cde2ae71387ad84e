/** Finds a relay that takes an event in, or gets it to all of them, and says what each of them answered. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { NostrEvent } from 'nostr-tools/core'
import { backoff } from './backoff.ts'
import { parseRefusal } from './refusals.ts'
import { pause, type Time } from './time.ts'

/**
 * What a relay answered to an event.
 * - `accepted`: it has it, or had it before (`duplicate: ...`).
 * - `refused`: it does not want it.
 * - `unreachable`: it was not told.
 * - `unanswered`: it may have it.
 */
export interface PublishOutcome {
  readonly outcome: 'accepted' | 'refused' | 'unreachable' | 'unanswered'
  readonly message: string
}

/** What became of an event; where nobody accepted it, `refusals` has the last word of each relay that was asked. */
export interface Publication {
  readonly event: NostrEvent
  readonly acceptedBy: readonly RelayMessage[]
  readonly refusals: readonly RelayMessage[]
}

/** What a relay said. */
export interface RelayMessage {
  readonly relay: string
  readonly message: string
}

export interface PublishSettings {
  readonly publishAt: (relay: string, event: NostrEvent) => Promise<PublishOutcome>
  /** How often a relay that does not answer is told, at least 1. */
  readonly attempts: number
  readonly time: Time
}

/** Publishes at one relay. Never rejects. */
export async function publishAt(relay: AbstractRelay, event: NostrEvent): Promise<PublishOutcome> {
  try {
    return { outcome: 'accepted', message: await relay.publish(event) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // nostr-tools says in words of its own, without a prefix, that there was no answer.
    return { outcome: parseRefusal(message).prefix === '' ? 'unanswered' : 'refused', message }
  }
}

/**
 * Publishes at the first relay that accepts the event, and at no other: two gateways would hand out one package to two
 * requesters. So where a relay may have it, no other is tried.
 */
export async function publishOnce(
  event: NostrEvent,
  relays: readonly string[],
  { publishAt, attempts, time }: PublishSettings,
): Promise<Publication> {
  const refusals = new Map<string, string>()
  const others = () => [...refusals].map(([relay, message]) => ({ relay, message }))
  let open = relays
  for (let tries = 0; ; tries++) {
    for (const relay of open) {
      const { outcome, message } = await publishAt(relay, event)
      refusals.delete(relay)
      if (outcome === 'accepted') return { event, acceptedBy: [{ relay, message }], refusals: others() }
      refusals.set(relay, message)
      if (outcome === 'refused') open = open.filter((other) => other !== relay)
      if (outcome !== 'unanswered') continue
      open = [relay]
      break
    }
    if (open.length === 0 || tries + 1 >= attempts) return { event, acceptedBy: [], refusals: others() }
    await pause(time, backoff(tries, time.random()))
  }
}

/** Publishes at every relay. */
export async function publishEverywhere(
  event: NostrEvent,
  relays: readonly string[],
  settings: PublishSettings,
): Promise<Publication> {
  const answers = await Promise.all(relays.map((relay) => publishOnce(event, [relay], settings)))
  return {
    event,
    acceptedBy: answers.flatMap(({ acceptedBy }) => acceptedBy),
    refusals: answers.flatMap(({ refusals }) => refusals),
  }
}
