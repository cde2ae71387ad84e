/** One relay's requests for more key packages: when they are passed on, and when they are over. */

import { backoff } from './backoff.ts'
import type { Time } from './time.ts'

/** A relay has few packages of an author left, and asks for more. */
export interface LowStock {
  readonly relay: string
  readonly author: string
  /** Aborted once the relay has enough, or the client stops listening. */
  readonly signal: AbortSignal
}

/** Publishes more; where it fails, it is called again. */
export type Replenish = (request: LowStock) => unknown

/** How long a client leaves between two answers, as the client guide says. */
const INTERVAL_MS = 300_000

export class Replenishing {
  readonly #relay: string
  readonly #author: string
  readonly #time: Time
  readonly #replenish: Replenish
  #answeredAt: number | undefined
  #request: AbortController | undefined
  #cancel: () => void = () => {}

  constructor(relay: string, author: string, time: Time, replenish: Replenish) {
    this.#relay = relay
    this.#author = author
    this.#time = time
    this.#replenish = replenish
  }

  /** The relay asks. Too soon after the last answer it waits, and is not forgotten; while one is under way it is that one. */
  low(): void {
    if (this.#request !== undefined) return
    const request = new AbortController()
    this.#request = request
    const wait = this.#answeredAt === undefined ? 0 : this.#answeredAt + INTERVAL_MS - this.#time.now()
    if (wait > 0) this.#after(wait, () => this.#answer(request, 0))
    else this.#answer(request, 0)
  }

  /** The relay asks no longer, or nobody listens. */
  over(): void {
    this.#cancel()
    this.#request?.abort()
    this.#request = undefined
  }

  async #answer(request: AbortController, tries: number): Promise<void> {
    try {
      await this.#replenish({ relay: this.#relay, author: this.#author, signal: request.signal })
      this.#answeredAt = this.#time.now()
      if (this.#request === request) this.#request = undefined
    } catch {
      if (request.signal.aborted) return
      this.#after(backoff(tries, this.#time.random()), () => this.#answer(request, tries + 1))
    }
  }

  #after(milliseconds: number, act: () => void): void {
    this.#cancel = this.#time.after(milliseconds, act)
  }
}
