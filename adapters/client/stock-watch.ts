/** Stays connected to an author's relays for as long as somebody wants to hear that they run low. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import { backoff } from './backoff.ts'
import { hearLowStock } from './low-stock.ts'
import { type Replenish, Replenishing } from './replenishing.ts'
import type { Time } from './time.ts'

export interface StockWatchSettings {
  readonly relays: readonly string[]
  /** Resolves once a relay knows who is connected. */
  readonly connect: (relay: string) => Promise<unknown>
  readonly time: Time
}

/** A connection that lasted so long was a good one: the next is sought as if nothing had failed. */
const STEADY_MS = 60_000

export class StockWatch {
  readonly #settings: StockWatchSettings
  /** Relays that have asked, whether anybody wanted to hear it or not, by author. */
  readonly #low = new Map<string, string>()
  readonly #replenishing = new Map<string, Replenishing>()
  /** By relay, what ends the wait before it is connected to again. */
  readonly #retries = new Map<string, () => void>()
  /** By relay, how often it failed since it last did not. */
  readonly #failures = new Map<string, number>()
  #replenish: Replenish | undefined

  constructor(settings: StockWatchSettings) {
    this.#settings = settings
  }

  /** Listens on a connection on which the author is about to authenticate: the relay may ask at once. */
  hear(relay: AbstractRelay, url: string, author: string): void {
    const { relays, time } = this.#settings
    if (!relays.includes(url)) return
    const since = time.now()
    hearLowStock(relay, author, {
      low: () => {
        this.#low.set(url, author)
        this.#pass(url, author)
      },
      enough: () => this.#over(url),
      lost: () => {
        this.#over(url)
        if (time.now() - since >= STEADY_MS) this.#failures.delete(url)
        this.#retry(url)
      },
    })
  }

  /** @throws Error where somebody else listens */
  start(replenish: Replenish): void {
    if (this.#replenish !== undefined) throw new Error('this client is listening for low stock already')
    this.#replenish = replenish
    for (const [relay, author] of this.#low) this.#pass(relay, author)
    for (const relay of this.#settings.relays) this.#connect(relay)
  }

  stop(): void {
    this.#replenish = undefined
    for (const cancel of this.#retries.values()) cancel()
    this.#retries.clear()
    for (const replenishing of this.#replenishing.values()) replenishing.over()
    this.#replenishing.clear()
  }

  #pass(relay: string, author: string): void {
    if (this.#replenish === undefined) return
    const replenishing =
      this.#replenishing.get(relay) ?? new Replenishing(relay, author, this.#settings.time, this.#replenish)
    this.#replenishing.set(relay, replenishing)
    replenishing.low()
  }

  #over(relay: string): void {
    this.#low.delete(relay)
    this.#replenishing.get(relay)?.over()
  }

  #connect(relay: string): void {
    this.#settings.connect(relay).catch(() => this.#retry(relay))
  }

  /** Connects again after a while; two who tell of one failure have it done once. */
  #retry(relay: string): void {
    if (this.#replenish === undefined || this.#retries.has(relay)) return
    const { time } = this.#settings
    const failures = this.#failures.get(relay) ?? 0
    this.#failures.set(relay, failures + 1)
    const cancel = time.after(backoff(failures, time.random()), () => {
      this.#retries.delete(relay)
      this.#connect(relay)
    })
    this.#retries.set(relay, cancel)
  }
}
