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

/** Publishes more. Where it fails it is called again; why it did is its own to tell. */
export type Replenish = (request: LowStock) => unknown

/** How long a client leaves between two answers: no less than a gateway leaves between two requests (README). */
const INTERVAL_MS = 300_000

export class Replenishing {
  readonly #relay: string
  readonly #author: string
  readonly #time: Time
  readonly #replenish: Replenish
  #isAnswering = false
  /** Answers that failed, since the last that did not. */
  #failures = 0
  /** When the next answer may be given, in milliseconds since the epoch, whoever asks and asks again meanwhile. */
  #nextAt = Number.NEGATIVE_INFINITY
  #request: AbortController | undefined
  #cancel: () => void = () => {}

  constructor(relay: string, author: string, time: Time, replenish: Replenish) {
    this.#relay = relay
    this.#author = author
    this.#time = time
    this.#replenish = replenish
  }

  /** The relay asks. Too soon after the last answer, or while there is one under way, it waits, and is not forgotten. */
  low(): void {
    if (this.#request !== undefined) return
    this.#request = new AbortController()
    this.#wait(this.#request)
  }

  /** The relay asks no longer, which it may say in the midst of the answer; or nobody listens. */
  over(): void {
    this.#cancel()
    this.#request?.abort()
    this.#request = undefined
  }

  #wait(request: AbortController): void {
    if (this.#isAnswering) return
    const wait = this.#nextAt - this.#time.now()
    if (wait > 0) this.#cancel = this.#time.after(wait, () => this.#answer(request))
    else this.#answer(request)
  }

  async #answer(request: AbortController): Promise<void> {
    this.#isAnswering = true
    const hasAnswered = await this.#publishMore(request)
    this.#isAnswering = false
    const interval = hasAnswered ? INTERVAL_MS : backoff(this.#failures, this.#time.random())
    this.#failures = hasAnswered ? 0 : this.#failures + 1
    this.#nextAt = this.#time.now() + interval
    if (hasAnswered && this.#request === request) this.#request = undefined
    // It failed, or another has come meanwhile.
    if (this.#request !== undefined) this.#wait(this.#request)
  }

  /** Resolves to whether it did not fail. */
  async #publishMore({ signal }: AbortController): Promise<boolean> {
    try {
      await this.#replenish({ relay: this.#relay, author: this.#author, signal })
      return true
    } catch {
      return false
    }
  }
}
