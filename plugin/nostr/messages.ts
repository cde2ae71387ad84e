/** What travels between clients and relays: NIP-01's events and messages. */

/** A public key: 64 lower-case hex characters (NIP-01). */
export type Pubkey = string
/** An event id: 64 lower-case hex characters (NIP-01). */
export type EventId = string

/**
 * An event as NIP-01 has it; nostr-tools' `Event` is one, and takes one. Its shape is checked; its id and signature are
 * not, unless something says so.
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

/** A JSON array from a client: a verb (`EVENT`, `REQ`, `CLOSE`, ...) and whatever follows it, unchecked. */
export type ClientMessage = readonly [verb: string, ...rest: unknown[]]

/** A JSON array from a relay: a verb (`EVENT`, `OK`, `EOSE`, `CLOSED`, ...) and what follows it. */
export type RelayMessage = readonly [verb: string, ...rest: unknown[]]

/** The JSON array of a text frame, or undefined where it holds something else. */
export function parseMessage(text: string): ClientMessage | undefined {
  const value = parseJson(text)
  return isMessage(value) ? value : undefined
}

function isMessage(value: unknown): value is ClientMessage {
  return Array.isArray(value) && typeof value[0] === 'string'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
