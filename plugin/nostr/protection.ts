/** NIP-70: an event with a `-` tag may only be published by its author. */

import type { SignedEvent } from './messages.ts'
import { Refusal } from './refusal.ts'

/** @throws Refusal `auth-required` unless the sender has authenticated as the author */
export function checkProtection({ tags, pubkey }: SignedEvent, authenticated: ReadonlySet<string>): void {
  if (!tags.some(([name]) => name === '-') || authenticated.has(pubkey)) return
  throw new Refusal('auth-required', 'this event may only be published by its author')
}
