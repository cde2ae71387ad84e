/** Publishes an event to the first relay that accepts it, or to all relays, and reports what each answered. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { NostrEvent } from 'nostr-tools/core'
import { withContent } from '../../plugin/key-package/encoding.ts'
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

/**
 * What became of an event.
 * - `accepted`: a relay has it.
 * - `unanswered`: no relay has accepted it. One may have it and hand it out, so keep the private keys that belong to it.
 * - `refused`: no relay has it.
 */
export interface Publication {
  readonly event: NostrEvent
  readonly outcome: 'accepted' | 'unanswered' | 'refused'
  /** Each relay that was tried, with its last answer. */
  readonly relays: readonly RelayResult[]
}

/** What a relay answered to an event. */
export interface RelayResult extends PublishOutcome {
  readonly relay: string
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
  const answers = new Map<string, PublishOutcome>()
  let candidates = relays
  for (let failures = 0; ; failures++) {
    for (const relay of candidates) {
      const { outcome, message } = await publish(relay, event)
      // Whatever else the relay answers now, it may have the event from an earlier attempt.
      const mayHaveIt = answers.get(relay)?.outcome === 'unanswered' && outcome !== 'accepted'
      answers.set(relay, { outcome: mayHaveIt ? 'unanswered' : outcome, message })
      if (outcome === 'accepted') return publicationOf(event, answers)
      if (outcome === 'refused') candidates = candidates.filter((other) => other !== relay)
      if (outcome !== 'unanswered') continue
      candidates = [relay]
      break
    }
    if (candidates.length === 0 || failures + 1 >= attempts || pauses.isClosed) {
      return publicationOf(event, answers)
    }
    await pauses.wait(retryDelayMs(failures, time.random()))
  }
}

export async function publishToAll(
  event: NostrEvent,
  relays: readonly string[],
  settings: PublishSettings,
): Promise<Publication> {
  const publications = await Promise.all(relays.map((relay) => publishToFirst(event, [relay], settings)))
  const answers = publications.flatMap((publication) => publication.relays)
  return publicationOf(event, new Map(answers.map(({ relay, ...answer }) => [relay, answer])))
}

function publicationOf(event: NostrEvent, answers: ReadonlyMap<string, PublishOutcome>): Publication {
  const outcomes = [...answers.values()].map(({ outcome }) => outcome)
  const best = (['accepted', 'unanswered'] as const).find((outcome) => outcomes.includes(outcome))
  return {
    event: withContent(event, event.content, event.tags),
    outcome: best ?? 'refused',
    relays: [...answers].map(([relay, answer]) => ({ relay, ...answer })),
  }
}
