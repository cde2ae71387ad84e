/** Shared by the suites of the client libraries: signers, and events with the libraries' types. */

import { makeAuthEvent } from 'nostr-tools/nip42'
import type { Event, EventTemplate, VerifiedEvent } from 'nostr-tools/pure'
import { WebSocket } from 'ws'
import { signEvent } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'

/**
 * Node.js 20 has none of its own. As in a browser, each message is a task of its own: rust-nostr listens to messages only
 * after the task in which the connection opened, and would miss a challenge that came with the handshake.
 */
class BrowserWebSocket extends WebSocket {
  constructor(url: string, protocols: string[] = []) {
    super(url, protocols, { allowSynchronousEvents: false })
  }
}

Object.assign(globalThis, { WebSocket: BrowserWebSocket })

export function signerOf({ secretKey }: Person): (template: EventTemplate) => Promise<VerifiedEvent> {
  return async (template) => signEvent(secretKey, template) as VerifiedEvent
}

/** The answer to a challenge (NIP-42). */
export function authFor({ secretKey }: Person, url: string, challenge: string): VerifiedEvent {
  return signEvent(secretKey, makeAuthEvent(url, challenge)) as VerifiedEvent
}

/** A copy of the event with the type of nostr-tools, which has mutable arrays. */
export function forClients(event: object): Event {
  return JSON.parse(JSON.stringify(event)) as Event
}

export function noteOf(author: Person, content: string): Event {
  const created_at = Math.floor(Date.now() / 1000)
  return forClients(signEvent(author.secretKey, { kind: 1, created_at, tags: [], content }))
}
