/** Calls back when a relay asks for more key packages, and stays connected to the author's relays to hear it. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import { listenForLowStock } from './low-stock-signal.ts'
import { retryDelayMs, type Time } from './time.ts'

/** A relay has few key packages of an author left, or has handed out a slot often, and asks for more. */
export interface LowStockRequest {
  readonly relay: string
  readonly author: string
  /**
   * What to publish: 443 is more packages; 30443 is a new package in this device's slot, because many have claimed it, or that of
   * another device of the author. Both may be asked for at once.
   */
  readonly kinds: readonly number[]
  /** Aborted when the relay has enough again, or the client stops listening. */
  readonly signal: AbortSignal
}

/** Publishes more key packages. If it throws or rejects, it is called again later; the error is not reported. */
export type Replenish = (request: LowStockRequest) => unknown

/** The shortest time between two calls for one relay. A gateway asks no more often than that. */
const INTERVAL_MS = 300_000
/** After a connection that lasted this long, the delay before the next attempt starts anew. */
const STABLE_MS = 60_000

/** A request that waits, or is being answered. */
interface OpenRequest {
  readonly controller: AbortController
  kinds: readonly number[]
}

/** The requests of one relay: when `replenish` is called for them. */
export class RelayReplenisher {
  readonly #relay: string
  readonly #author: string
  readonly #time: Time
  readonly #replenish: Replenish
  #isRunning = false
  /** Failed calls in a row. */
  #failures = 0
  /** When the next call may be made, in milliseconds since the epoch. */
  #nextAt = Number.NEGATIVE_INFINITY
  #request: OpenRequest | undefined
  #cancelTimer: () => void = () => {}

  constructor(relay: string, author: string, time: Time, replenish: Replenish) {
    this.#relay = relay
    this.#author = author
    this.#time = time
    this.#replenish = replenish
  }

  /** The relay asks for packages of these kinds. Within the interval, or during a call, the request waits. */
  request(kinds: readonly number[]): void {
    if (this.#request !== undefined) {
      // A later REQ replaces the one before it (NIP-01).
      this.#request.kinds = kinds
      return
    }
    this.#request = { controller: new AbortController(), kinds }
    this.#schedule(this.#request)
  }

  /** The relay has enough, or nobody listens any more. */
  withdraw(): void {
    this.#cancelTimer()
    this.#request?.controller.abort()
    this.#request = undefined
  }

  #schedule(request: OpenRequest): void {
    if (this.#isRunning) return
    const delayMs = this.#nextAt - this.#time.now()
    if (delayMs > 0) this.#cancelTimer = this.#time.after(delayMs, () => this.#run(request))
    else this.#run(request)
  }

  async #run(request: OpenRequest): Promise<void> {
    this.#isRunning = true
    const { kinds } = request
    const hasSucceeded = await this.#callReplenish(request)
    this.#isRunning = false
    const intervalMs = hasSucceeded ? INTERVAL_MS : retryDelayMs(this.#failures, this.#time.random())
    this.#failures = hasSucceeded ? 0 : this.#failures + 1
    this.#nextAt = this.#time.now() + intervalMs
    const hasAllKinds = request.kinds.every((kind) => kinds.includes(kind))
    if (hasSucceeded && hasAllKinds && this.#request === request) this.#request = undefined
    // The call failed, or the relay has meanwhile asked for other kinds, or withdrawn its request and sent another.
    if (this.#request !== undefined) this.#schedule(this.#request)
  }

  async #callReplenish({ controller, kinds }: OpenRequest): Promise<boolean> {
    const { signal } = controller
    try {
      await this.#replenish({ relay: this.#relay, author: this.#author, kinds, signal })
      return true
    } catch {
      return false
    }
  }
}

export interface LowStockWatchSettings {
  readonly relays: readonly string[]
  /** Resolves once the client is authenticated at the relay. */
  readonly connect: (relay: string) => Promise<unknown>
  readonly time: Time
}

/** Keeps the connections to all relays of an author open, and passes on their requests. */
export class LowStockWatch {
  readonly #settings: LowStockWatchSettings
  /** By relay, what it asks for and of whom, also while nobody listens. */
  readonly #low = new Map<string, Pick<LowStockRequest, 'author' | 'kinds'>>()
  readonly #replenishers = new Map<string, RelayReplenisher>()
  /** By relay, cancels the timer before the next connection attempt. */
  readonly #reconnects = new Map<string, () => void>()
  /** By relay, failed connections in a row. */
  readonly #failures = new Map<string, number>()
  #replenish: Replenish | undefined

  constructor(settings: LowStockWatchSettings) {
    this.#settings = settings
  }

  /** To be called before the author authenticates on the connection: the relay may ask at once. */
  listen(relay: AbstractRelay, url: string, author: string): void {
    const { relays, time } = this.#settings
    if (!relays.includes(url)) return
    const connectedAt = time.now()
    listenForLowStock(relay, author, {
      onLow: (kinds) => {
        this.#low.set(url, { author, kinds })
        this.#request(url, { author, kinds })
      },
      onReplenished: () => this.#withdraw(url),
      onClose: () => {
        this.#withdraw(url)
        if (time.now() - connectedAt >= STABLE_MS) this.#failures.delete(url)
        this.#reconnectLater(url)
      },
    })
  }

  /** @throws Error if it is started already */
  start(replenish: Replenish): void {
    if (this.#replenish !== undefined)
      throw new Error('onLowStock already has a callback; stop that one first')
    this.#replenish = replenish
    for (const [relay, wanted] of this.#low) this.#request(relay, wanted)
    for (const relay of this.#settings.relays) this.#connect(relay)
  }

  stop(): void {
    this.#replenish = undefined
    for (const cancel of this.#reconnects.values()) cancel()
    this.#reconnects.clear()
    for (const replenisher of this.#replenishers.values()) replenisher.withdraw()
    this.#replenishers.clear()
  }

  #request(relay: string, { author, kinds }: Pick<LowStockRequest, 'author' | 'kinds'>): void {
    if (this.#replenish === undefined) return
    const replenisher =
      this.#replenishers.get(relay) ??
      new RelayReplenisher(relay, author, this.#settings.time, this.#replenish)
    this.#replenishers.set(relay, replenisher)
    replenisher.request(kinds)
  }

  #withdraw(relay: string): void {
    this.#low.delete(relay)
    this.#replenishers.get(relay)?.withdraw()
  }

  #connect(relay: string): void {
    this.#settings.connect(relay).catch(() => this.#reconnectLater(relay))
  }

  /** Does nothing if an attempt is scheduled already: one failure may be reported twice. */
  #reconnectLater(relay: string): void {
    if (this.#replenish === undefined || this.#reconnects.has(relay)) return
    const { time } = this.#settings
    const failures = this.#failures.get(relay) ?? 0
    this.#failures.set(relay, failures + 1)
    const cancel = time.after(retryDelayMs(failures, time.random()), () => {
      this.#reconnects.delete(relay)
      this.#connect(relay)
    })
    this.#reconnects.set(relay, cancel)
  }
}
