/** Whom quotas count: an authenticated pubkey, or else a network address. */

import { groupsOfNetwork, readAddress } from '../network-address.ts'
import type { Quota } from '../store.ts'

/** Who sends a message. */
export interface Requester {
  /** Whom quotas count: the first pubkey that the connection authenticated, or else its address. */
  readonly name: string
  readonly address: string
  /** The address itself, for access rules. */
  readonly networkAddress: string
  readonly authenticated: ReadonlySet<string>
}

/** Longer values are cut off; no real address is longer. */
const MAX_ADDRESS_LENGTH = 64
/** How many times as much as one address a network may take. */
const NETWORK_FACTOR = 10

/**
 * The address that quotas count: an IPv4 address itself, or the /64 of an IPv6 address, which is what one customer of a
 * provider usually has. Anything else, such as the path of a socket, is counted as it is.
 */
export function addressKey(address: string): string {
  const groups = groupsOfNetwork(address)
  if (groups !== undefined) return `${groups.join(':')}::/64`
  return readAddress(address) ?? address.slice(0, MAX_ADDRESS_LENGTH)
}

/**
 * The network that quotas count besides an address: the /48 that the /64 of `addressKey` is in, because a provider gives that much
 * to one customer too (RFC 6177). Undefined for all other addresses.
 */
export function networkKey(address: string): string | undefined {
  if (!address.endsWith('::/64')) return undefined
  return `${address.slice(0, -'::/64'.length).split(':').slice(0, 3).join(':')}::/48`
}

/** How many there are of each address at the same time, and of each network. */
export class AddressCounts {
  readonly #counts = new Map<string, number>()

  /** @param key as `addressKey` or `networkKey` returns it */
  of(key: string | undefined): number {
    return key === undefined ? 0 : (this.#counts.get(key) ?? 0)
  }

  /** Whether one more would exceed `most` of this address, or ten times as many of its network. */
  isFull(address: string, most: number): boolean {
    return this.of(address) >= most || this.of(networkKey(address)) >= most * NETWORK_FACTOR
  }

  change(address: string, by: 1 | -1): void {
    for (const key of [address, networkKey(address)]) {
      if (key === undefined) continue
      const count = this.of(key) + by
      if (count === 0) this.#counts.delete(key)
      else this.#counts.set(key, count)
    }
  }
}

/** The quota of a network, for the quota of an address. */
export function forNetwork({ max, windowSeconds }: Quota): Quota {
  return { max: max * NETWORK_FACTOR, windowSeconds }
}
