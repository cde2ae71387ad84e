/** What the clients' suites share: their options, how people sign, and events as client libraries write them. */

import { type Event, type EventTemplate, finalizeEvent, type VerifiedEvent } from 'nostr-tools/pure'
import { WebSocket } from 'ws'
import type { OptionsInput } from '../../../plugin/options.ts'
import { signEvent } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'

// Node 20 has no WebSocket of its own.
Object.assign(globalThis, { WebSocket })

/** Packages as they were published, so that their signatures hold. */
export const marmot: OptionsInput = { profile: 'marmot' }

export function signerOf({ secretKey }: Person): (template: EventTemplate) => Promise<VerifiedEvent> {
  return async (template) => finalizeEvent(template, secretKey)
}

/** The same event by nostr-tools' own type, whose arrays may be written to. */
export function forClients(event: object): Event {
  return JSON.parse(JSON.stringify(event)) as Event
}

export function noteOf(author: Person, content: string): Event {
  const created_at = Math.floor(Date.now() / 1000)
  return forClients(signEvent(author.secretKey, { kind: 1, created_at, tags: [], content }))
}
