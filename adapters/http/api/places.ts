/** How many requests are in progress: of one address, and of all, so that a flood waits outside (I9). */

import { addressKey, NETWORK_FACTOR, networkKey } from '../../../plugin/nostr/requester.ts'

export interface PlaceLimits {
  /** Of one address (IPv6: one /64); ten times as many of one /48. */
  readonly perAddress: number
  /** 0 is no limit. */
  readonly total: number
}

export class Places {
  readonly #limits: PlaceLimits
  readonly #taken = new Map<string, number>()
  #total = 0

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  /** A place for one request, and how it is given back; undefined if there is none. */
  take(address: string): (() => void) | undefined {
    const { perAddress, total } = this.#limits
    const key = addressKey(address)
    const network = networkKey(key)
    if ((total > 0 && this.#total >= total) || this.#countOf(key) >= perAddress) return undefined
    if (network !== undefined && this.#countOf(network) >= perAddress * NETWORK_FACTOR) return undefined
    const names = network === undefined ? [key] : [key, network]
    this.#change(names, 1)
    let isTaken = true
    return () => {
      if (isTaken) this.#change(names, -1)
      isTaken = false
    }
  }

  #change(names: readonly string[], by: 1 | -1): void {
    this.#total += by
    for (const name of names) {
      const count = this.#countOf(name) + by
      if (count === 0) this.#taken.delete(name)
      else this.#taken.set(name, count)
    }
  }

  #countOf(name: string): number {
    return this.#taken.get(name) ?? 0
  }
}
