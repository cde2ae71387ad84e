/** Shared by the suites of the client libraries: signers, and events with the libraries' types. */

import { type Event, type EventTemplate, finalizeEvent, type VerifiedEvent } from 'nostr-tools/pure'
import { WebSocket } from 'ws'
import { signEvent } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'

// Node.js 20 has no WebSocket.
Object.assign(globalThis, { WebSocket })

export function signerOf({ secretKey }: Person): (template: EventTemplate) => Promise<VerifiedEvent> {
  return async (template) => finalizeEvent(template, secretKey)
}

/** A copy of the event with the type of nostr-tools, which has mutable arrays. */
export function forClients(event: object): Event {
  return JSON.parse(JSON.stringify(event)) as Event
}

export function noteOf(author: Person, content: string): Event {
  const created_at = Math.floor(Date.now() / 1000)
  return forClients(signEvent(author.secretKey, { kind: 1, created_at, tags: [], content }))
}
