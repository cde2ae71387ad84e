/** Signs HTTP requests as their clients do (NIP-98). */

import { createHash, randomBytes } from 'node:crypto'
import type { EventTemplate } from 'nostr-tools/pure'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { Person } from './people.ts'
import { signEvent } from './signing.ts'

export interface ToSign {
  readonly method: string
  readonly url: string
  readonly body?: string | Buffer
  /** Seconds since the epoch. */
  readonly now: number
}

/** The event for a request. Two for the same request differ, as if they were made at different times. */
export function httpAuthEvent(
  { secretKey }: Person,
  { method, url, body, now }: ToSign,
  change: Partial<EventTemplate> = {},
): SignedEvent {
  const payload =
    body === undefined ? [] : [['payload', createHash('sha256').update(body).digest('hex')] as string[]]
  const tags = [['u', url], ['method', method], ...payload, ['nonce', randomBytes(8).toString('hex')]]
  return signEvent(secretKey, { kind: 27235, created_at: now, content: '', tags, ...change })
}

/** The Authorization header with an event. */
export function headerOf(event: unknown): string {
  return `Nostr ${Buffer.from(JSON.stringify(event)).toString('base64')}`
}

export function authorizationBy(
  person: Person,
  request: ToSign,
  change: Partial<EventTemplate> = {},
): string {
  return headerOf(httpAuthEvent(person, request, change))
}
