/** The settings of a client, and the checks of what is passed to its methods. */

import type { Signer } from 'nostr-tools/signer'
import { isHex32, normalizeURL } from 'nostr-tools/utils'
import type { Generation } from './generation.ts'
import type { Time } from './time.ts'
import type { WebSocketClass } from './web-socket.ts'

/**
 * Which key packages to ask for.
 * - `one-time-first`: one-time packages (kind 443), and slots (kind 30443) where an author has none. RFC 9420 wants each
 *   package used once; authors with slots alone cost a second request.
 * - `both`: in one request. A gateway then hands out slots where there are any, so packages are used again and again; it
 *   is the quickest way to many authors, and spends nothing of those with slots.
 * - `one-time`, `slots`: only these.
 *
 * Slots come as one package for each device of the author, all of which are to be added to the group.
 */
export type Ask = 'one-time-first' | 'both' | 'one-time' | 'slots'

/** Settings of a `KeyPackageClient`. */
export interface KeyPackageClientSettings {
  /** The relays that have the client's own packages, and that are queried unless a method is given others. */
  readonly relays: readonly string[]
  /** Signs events and NIP-42 challenges, such as nostr-tools' `PlainKeySigner`. A client without one can only query. */
  readonly signer?: Signer
  /** By which documents key packages are published. Those of others are read whatever it is. Default: `marmot`. */
  readonly generation?: Generation
  /** Which packages of others to ask for. Default: `one-time-first`. */
  readonly ask?: Ask
  /**
   * Encoding of the content, sent as `#f`. Gateways understand it; other relays find nothing. Default: not sent, either
   * encoding is accepted.
   */
  readonly encoding?: 'hex' | 'base64'
  /** Name of the app, for the `client` tag of the packages it publishes. Default: no tag. */
  readonly name?: string
  /** A WebSocket class for platforms without one (Node.js 20), such as that of the `ws` package. */
  readonly WebSocket?: WebSocketClass
  /** Seconds that a relay may take to answer; greater than 0. Default: 10. */
  readonly timeoutSeconds?: number
  /** How often a relay that does not answer is tried; at least 1. Default: 3. */
  readonly attempts?: number
  /** Clock, timers and randomness. Default: `systemTime`. */
  readonly time?: Time
}

/** Normalizes the addresses, each once. @throws Error if one is not a valid address, or the list is empty */
export function normalizeRelays(relays: readonly string[]): readonly string[] {
  if (relays.length === 0) throw new Error('at least one relay is required')
  return [...new Set(relays.map(normalizeURL))]
}

/** @throws Error if a relay would never be asked, or never be waited for */
export function checkAttempts(attempts: number, timeoutSeconds: number): void {
  if (!(attempts >= 1 && timeoutSeconds > 0)) {
    throw new Error('attempts must be at least 1, and timeoutSeconds greater than 0')
  }
}

/** @throws Error if it is not a pubkey (NIP-01) */
export function checkPubkey(pubkey: string): void {
  if (!isHex32(pubkey)) throw new Error(`a pubkey must be 64 lower-case hex characters, not "${pubkey}"`)
}
