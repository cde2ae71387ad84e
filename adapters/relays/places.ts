/** How many clients there may be at one time, in all and from one address. */

import { addressKey } from '../../plugin/nostr/requester.ts'
import type { ServerOptions } from './server-options.ts'

/** A place, or the HTTP status that says there is none: in all, or for this address. */
export type Seat =
  | { readonly outcome: 'taken'; readonly leave: () => void }
  | { readonly outcome: 'none'; readonly status: 503 | 429 }

export class Places {
  readonly #limits: Pick<ServerOptions, 'maxConnections' | 'maxConnectionsPerAddress'>
  readonly #byAddress = new Map<string, number>()
  #taken = 0

  constructor(limits: Pick<ServerOptions, 'maxConnections' | 'maxConnectionsPerAddress'>) {
    this.#limits = limits
  }

  /** IPv6 addresses count by their /64, as requesters do. `leave` is to be called once. */
  take(address: string): Seat {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    const key = addressKey(address)
    const beside = this.#byAddress.get(key) ?? 0
    if (this.#taken >= maxConnections) return { outcome: 'none', status: 503 }
    if (maxConnectionsPerAddress > 0 && beside >= maxConnectionsPerAddress)
      return { outcome: 'none', status: 429 }
    this.#taken += 1
    this.#byAddress.set(key, beside + 1)
    return { outcome: 'taken', leave: () => this.#leave(key) }
  }

  #leave(key: string): void {
    this.#taken -= 1
    const left = (this.#byAddress.get(key) ?? 1) - 1
    if (left === 0) this.#byAddress.delete(key)
    else this.#byAddress.set(key, left)
  }
}
