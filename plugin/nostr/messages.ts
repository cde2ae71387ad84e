/** The events and messages of NIP-01. */

/** A public key: 64 lower-case hex characters (NIP-01). */
export type Pubkey = string
/** An event id: 64 lower-case hex characters (NIP-01). */
export type EventId = string

/**
 * An event (NIP-01), assignable to and from nostr-tools' `Event`. Its shape is checked; its id and signature are not,
 * unless a comment says so.
 */
export interface SignedEvent {
  readonly id: EventId
  readonly pubkey: Pubkey
  /** Seconds since the epoch. */
  readonly created_at: number
  readonly kind: number
  readonly tags: string[][]
  readonly content: string
  readonly sig: string
}

/** A JSON array from a client: a verb (`EVENT`, `REQ`, `CLOSE`, ...) and unchecked values. */
export type ClientMessage = readonly [verb: string, ...rest: unknown[]]

/** What the gateway says to a client, by its verb (NIP-01, 42, 45 and 77). */
export type GatewayMessage =
  | readonly ['EVENT', subscriptionId: string, event: SignedEvent]
  | readonly ['OK', eventId: string, accepted: boolean, message: string]
  | readonly ['EOSE', subscriptionId: string]
  | readonly ['CLOSED', subscriptionId: string, message: string]
  | readonly ['NOTICE', message: string]
  | readonly ['AUTH', challenge: string]
  | readonly ['COUNT', subscriptionId: string, counted: { readonly count: number }]
  | readonly ['NEG-ERR', subscriptionId: string, message: string]
  /** The low-stock signal: the author is asked to publish more. */
  | readonly ['REQ', subscriptionId: string, filter: { readonly kinds: number[]; readonly authors: string[] }]

/** A JSON array from a relay: a verb (`EVENT`, `OK`, `EOSE`, `CLOSED`, ...) and unchecked values. */
export type RelayMessage = readonly [verb: string, ...rest: unknown[]]

/** The message in a text frame; undefined if it is not a JSON array that begins with a string. */
export function parseMessage(text: string): ClientMessage | undefined {
  const value = parseJson(text)
  return isMessage(value) ? value : undefined
}

/**
 * Whether every relay reads the same verb in it. Some ignore its case, spaces around it, or what follows a NUL; they would
 * take it for a REQ that the gateway has not seen (I4).
 */
export function isPlainVerb(verb: string): boolean {
  return /^[A-Z][A-Z0-9_-]*$/.test(verb)
}

function isMessage(value: unknown): value is ClientMessage {
  return Array.isArray(value) && typeof value[0] === 'string'
}

/** Undefined for text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
