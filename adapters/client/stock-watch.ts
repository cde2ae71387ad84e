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

export class StockWatch {
  readonly #settings: StockWatchSettings
  /** Relays that have asked, whether anybody wanted to hear it or not, by author. */
  readonly #low = new Map<string, string>()
  readonly #replenishing = new Map<string, Replenishing>()
  readonly #retries = new Map<string, () => void>()
  #replenish: Replenish | undefined

  constructor(settings: StockWatchSettings) {
    this.#settings = settings
  }

  /** Listens on a connection on which the author is about to authenticate: the relay may ask at once. */
  hear(relay: AbstractRelay, url: string, author: string): void {
    if (!this.#settings.relays.includes(url)) return
    hearLowStock(relay, author, {
      low: () => {
        this.#low.set(url, author)
        this.#pass(url, author)
      },
      enough: () => this.#over(url),
      lost: () => {
        this.#over(url)
        if (this.#replenish !== undefined) this.#retry(url, 0)
      },
    })
  }

  /** @throws Error where somebody else listens */
  start(replenish: Replenish): void {
    if (this.#replenish !== undefined) throw new Error('this client is listening for low stock already')
    this.#replenish = replenish
    for (const [relay, author] of this.#low) this.#pass(relay, author)
    for (const relay of this.#settings.relays) this.#connect(relay, 0)
  }

  stop(): void {
    this.#replenish = undefined
    for (const cancel of this.#retries.values()) cancel()
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

  #connect(relay: string, tries: number): void {
    this.#settings.connect(relay).catch(() => {
      if (this.#replenish !== undefined) this.#retry(relay, tries)
    })
  }

  #retry(relay: string, tries: number): void {
    const { time } = this.#settings
    this.#retries.set(
      relay,
      time.after(backoff(tries, time.random()), () => this.#connect(relay, tries + 1)),
    )
  }
}
