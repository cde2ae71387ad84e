/** Limits how many clients are connected at the same time: in total, and from one address. */

import { addressKey } from '../../../plugin/nostr/requester.ts'
import type { ServerOptions } from './server-options.ts'

type Limits = Pick<ServerOptions, 'maxConnections' | 'maxConnectionsPerAddress'>

/**
 * - `admitted`: call `release` once, when the client has disconnected.
 * - `refused`: with the HTTP status to answer, 503 when the server is full and 429 when the address has too many.
 */
export type Admission =
  | { readonly outcome: 'admitted'; readonly release: () => void }
  | { readonly outcome: 'refused'; readonly status: 503 | 429 }

export class ConnectionLimits {
  readonly #limits: Limits
  readonly #countByAddress = new Map<string, number>()
  #count = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** IPv6 addresses count by their /64, as they do for quotas. */
  admit(address: string): Admission {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    const key = addressKey(address)
    const fromAddress = this.#countByAddress.get(key) ?? 0
    if (this.#count >= maxConnections) return { outcome: 'refused', status: 503 }
    if (maxConnectionsPerAddress > 0 && fromAddress >= maxConnectionsPerAddress)
      return { outcome: 'refused', status: 429 }
    this.#count += 1
    this.#countByAddress.set(key, fromAddress + 1)
    return { outcome: 'admitted', release: () => this.#release(key) }
  }

  #release(key: string): void {
    this.#count -= 1
    const remaining = (this.#countByAddress.get(key) ?? 1) - 1
    if (remaining === 0) this.#countByAddress.delete(key)
    else this.#countByAddress.set(key, remaining)
  }
}
