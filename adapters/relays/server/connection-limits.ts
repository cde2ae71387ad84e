/** Limits how many clients are there at the same time: in total, and from one address. */

import { AddressCounts, addressKey } from '../../../plugin/nostr/requester.ts'
import { alone, type Siblings } from '../../../plugin/siblings.ts'
import type { ClientLimits } from './client-limits.ts'

/** 0 is no limit. */
export type PlaceLimits = Pick<ClientLimits, 'maxConnections' | 'maxConnectionsPerAddress'>

/** Who may come in. */
export interface Places {
  /** Never rejects. */
  admit(address: string): Admission | Promise<Admission>
}

/** The other processes of a server, which its clients are counted with. */
export interface ServerSiblings extends Siblings {
  /** By the same name, all of them count together. */
  places(name: string, limits: PlaceLimits): Places
}

export const withoutSiblings: ServerSiblings = {
  ...alone,
  places: (_name, limits) => new ConnectionLimits(limits),
}

/**
 * - `admitted`: with the place it takes.
 * - `refused`: with the HTTP status to answer, 503 when the server is full and 429 when the address has too many.
 */
export type Admission =
  | { readonly outcome: 'admitted'; readonly place: Place }
  | { readonly outcome: 'refused'; readonly status: 503 | 429 }

/** The place of one client. */
export interface Place {
  /** The client is connected. Until it says something, it can be made to leave when there is no room for others. */
  connected(leave: () => void): void
  /** The client has said something. */
  spoke(): void
  /** The client has disconnected. */
  release(): void
}

interface SilentClient {
  readonly address: string
  readonly leave: () => void
}

export class ConnectionLimits implements Places {
  readonly #limits: PlaceLimits
  readonly #byAddress = new AddressCounts()
  /** Those that have said nothing yet; who is connected longest is first. */
  readonly #silent = new Map<Place, SilentClient>()
  #count = 0

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  /** IPv6 addresses count by their /64, and by their /48, as they do for quotas. */
  admit(address: string): Admission {
    const { maxConnections, maxConnectionsPerAddress: most } = this.#limits
    const key = addressKey(address)
    if (most > 0 && this.#byAddress.isFull(key, most)) return { outcome: 'refused', status: 429 }
    const isFull = () => maxConnections > 0 && this.#count >= maxConnections
    if (isFull()) this.#makeRoom()
    if (isFull()) return { outcome: 'refused', status: 503 }
    this.#change(key, 1)
    return { outcome: 'admitted', place: this.#placeOf(key) }
  }

  #placeOf(address: string): Place {
    let isReleased = false
    const place: Place = {
      connected: (leave) => {
        if (!isReleased) this.#silent.set(place, { address, leave })
      },
      spoke: () => this.#silent.delete(place),
      release: () => {
        if (isReleased) return
        isReleased = true
        this.#silent.delete(place)
        this.#change(address, -1)
      },
    }
    return place
  }

  /** Of the silent clients, the first of the address that has most clients leaves. */
  #makeRoom(): void {
    const count = ({ address }: SilentClient) => this.#byAddress.of(address)
    let first: [Place, SilentClient] | undefined
    for (const silent of this.#silent)
      if (first === undefined || count(silent[1]) > count(first[1])) first = silent
    if (first === undefined) return
    const [place, { leave }] = first
    place.release()
    leave()
  }

  #change(key: string, by: 1 | -1): void {
    this.#count += by
    this.#byAddress.change(key, by)
  }
}
