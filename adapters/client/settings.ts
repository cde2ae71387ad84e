/** What a client is told as it is made, and whether that will do. */

import type { Signer } from 'nostr-tools/signer'
import { normalizeURL } from 'nostr-tools/utils'
import type { Time } from './time.ts'
import type { WebSocketClass } from './web-socket.ts'

/** Who a client is, which relays it goes to, and how long it waits for them. */
export interface KeyPackageClientSettings {
  /** Where one's own packages are, and where to ask unless something else is said. */
  readonly relays: readonly string[]
  /** Who the client is: nostr-tools' `PlainKeySigner`, or a browser's `window.nostr`. Without one it can only ask. */
  readonly signer?: Signer
  /** Kinds to ask for: 443 by default; Marmot has 30443 besides. */
  readonly kinds?: readonly number[]
  /** Sent as `#f`, which only gateways know; without it either encoding is understood. */
  readonly encoding?: 'hex' | 'base64'
  /** Name of the client, for the events it publishes. */
  readonly name?: string
  /** For a platform without one (Node 20): that of `ws`. */
  readonly WebSocket?: WebSocketClass
  /** How long a relay may take to answer; 10 by default. */
  readonly patienceSeconds?: number
  /** How often a relay that does not answer is asked; 3 by default. */
  readonly attempts?: number
  /** `systemTime` by default. */
  readonly time?: Time
}

/** Each relay once. @throws Error where an address is none, or there is none */
export function addresses(relays: readonly string[]): readonly string[] {
  if (relays.length === 0) throw new Error('name at least one relay')
  return [...new Set(relays.map(normalizeURL))]
}

/** @throws Error where nothing would ever be asked, or nothing waited for */
export function checkPatience(attempts: number, patienceSeconds: number): void {
  if (!(attempts >= 1 && patienceSeconds > 0)) {
    throw new Error('attempts are at least 1, and patienceSeconds more than 0')
  }
}
