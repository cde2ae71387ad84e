/** Finds a relay that takes an event in, or gets it to all of them, and says what each of them answered. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { NostrEvent } from 'nostr-tools/core'
import type { Patience } from './ask.ts'
import { backoff } from './backoff.ts'
import type { Pauses } from './pauses.ts'
import { parseRefusal, wordsOf } from './refusals.ts'
import { type Time, within } from './time.ts'

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

/** What became of an event. Each relay that was asked is in one of the three, with its last word. */
export interface Publication {
  readonly event: NostrEvent
  readonly acceptedBy: readonly RelayMessage[]
  /** These do not have it. */
  readonly refusals: readonly RelayMessage[]
  /** These may have it, and hand it out: what belongs to it has to be kept. */
  readonly unanswered: readonly RelayMessage[]
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
  readonly pauses: Pauses
}

/** Publishes at one relay. Never rejects. */
export async function publishAt(
  relay: AbstractRelay,
  event: NostrEvent,
  { time, patienceMs }: Patience,
): Promise<PublishOutcome> {
  try {
    // nostr-tools waits for ever for one whose refusal is no text.
    const message = await within(time, patienceMs, 'no answer in time', relay.publish(event))
    return { outcome: 'accepted', message: wordsOf(message) }
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
  { publishAt, attempts, time, pauses }: PublishSettings,
): Promise<Publication> {
  const refusals = new Map<string, string>()
  const unanswered = new Map<string, string>()
  const publication = (acceptedBy: readonly RelayMessage[]): Publication => ({
    event,
    acceptedBy,
    refusals: listed(refusals),
    unanswered: listed(unanswered),
  })
  let open = relays
  for (let tries = 0; ; tries++) {
    for (const relay of open) {
      const { outcome, message } = await publishAt(relay, event)
      refusals.delete(relay)
      if (outcome === 'accepted') {
        unanswered.delete(relay)
        return publication([{ relay, message }])
      }
      // Whatever it says later, it may have it from before.
      const others = outcome === 'unanswered' || unanswered.has(relay) ? unanswered : refusals
      others.set(relay, message)
      if (outcome === 'refused') open = open.filter((other) => other !== relay)
      if (outcome !== 'unanswered') continue
      open = [relay]
      break
    }
    if (open.length === 0 || tries + 1 >= attempts || pauses.isOver) return publication([])
    await pauses.wait(backoff(tries, time.random()))
  }
}

function listed(messages: ReadonlyMap<string, string>): RelayMessage[] {
  return [...messages].map(([relay, message]) => ({ relay, message }))
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
    unanswered: answers.flatMap(({ unanswered }) => unanswered),
  }
}
