/** What travels between clients and relays: NIP-01's events and messages, and how to read them safely. */

import { z } from 'zod'

declare const brand: unique symbol
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

/** A public key: 64 lower-case hex characters (NIP-01). */
export type Pubkey = Brand<string, 'Pubkey'>
/** An event id: 64 lower-case hex characters (NIP-01). */
export type EventId = Brand<string, 'EventId'>

/** An event as NIP-01 has it. Its shape is checked; its id and signature are not, unless something says so. */
export interface SignedEvent {
  readonly id: EventId
  readonly pubkey: Pubkey
  readonly created_at: number
  readonly kind: number
  readonly tags: readonly (readonly string[])[]
  readonly content: string
  readonly sig: string
}
