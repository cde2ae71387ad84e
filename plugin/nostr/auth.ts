/** NIP-42: challenges, and whether an AUTH event answers one. NIP-70: events that only their authenticated author may publish. */

import { randomBytes } from 'node:crypto'
import { readUrl } from '../read-url.ts'
import type { Pubkey, SignedEvent } from './messages.ts'
import { Refusal } from './refusal.ts'

/** The kind of an AUTH event (NIP-42). */
export const AUTH_KIND = 22242
/** Maximum difference between its created_at and now, in seconds. */
const AUTH_WINDOW_SECONDS = 600

/** What an AUTH event must match. */
export interface AuthExpectation {
  readonly challenge: string
  /** Host and port of this relay's public URL (`hostOf`). */
  readonly host: string | undefined
  readonly verifyEvent: (event: SignedEvent) => Promise<boolean>
}

/** A random challenge. It cannot be guessed, so an answer to it was made for this connection. */
export function createChallenge(): string {
  return randomBytes(16).toString('hex')
}

/** The challenge that an AUTH event answers. */
export function challengeOf(event: SignedEvent): string | undefined {
  return tagValue(event, 'challenge')
}

/** Host and port of the relay that an AUTH event was made for. */
export function relayHostOf(event: SignedEvent): string | undefined {
  return hostOf(tagValue(event, 'relay') ?? '')
}

/** Whether an event is a current AUTH event, whatever challenge it answers. */
export function isAuthEvent(event: SignedEvent, now: number): boolean {
  return event.kind === AUTH_KIND && Math.abs(event.created_at - now) <= AUTH_WINDOW_SECONDS
}

/**
 * The pubkey that an AUTH event proves. Its relay tag is checked: otherwise another relay could pass our challenge on to
 * its own client and use the answer here.
 * @throws Refusal
 */
export async function authenticatedBy(
  event: SignedEvent,
  expected: AuthExpectation,
  now: number,
): Promise<Pubkey> {
  if (event.kind !== AUTH_KIND) throw new Refusal('invalid', `an AUTH event must have kind ${AUTH_KIND}`)
  if (challengeOf(event) !== expected.challenge)
    throw new Refusal('invalid', 'the challenge is not from this relay')
  if (!isAuthEvent(event, now)) {
    throw new Refusal('invalid', 'created_at is more than 10 minutes from now')
  }
  if (expected.host === undefined) {
    throw new Refusal('error', 'this relay does not know its own URL; its operator must set publicUrl')
  }
  if (relayHostOf(event) !== expected.host) {
    throw new Refusal('invalid', 'the relay tag names another relay')
  }
  if (!(await expected.verifyEvent(event))) throw new Refusal('invalid', 'wrong id or signature')
  return event.pubkey
}

/**
 * NIP-70: an event with a `-` tag may only be published by its author.
 * @throws Refusal `auth-required` unless the sender is authenticated as the author
 */
export function checkProtection({ tags, pubkey }: SignedEvent, authenticated: ReadonlySet<string>): void {
  if (!tags.some(([name]) => name === '-') || authenticated.has(pubkey)) return
  throw new Refusal('auth-required', 'this event may only be published by its author')
}

/** Host and port of a relay's URL or of a Host header, without a default port. */
export function hostOf(urlOrHost: string): string | undefined {
  const url = urlOrHost.includes('://') ? urlOrHost : `ws://${urlOrHost}`
  return readUrl(url)?.host.replace(/:(80|443)$/, '')
}

function tagValue(event: SignedEvent, name: string): string | undefined {
  return event.tags.find((tag) => tag[0] === name)?.[1]
}
