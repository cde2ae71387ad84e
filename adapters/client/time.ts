/** The client's clock, timers, timeouts and pauses between attempts. Tests pass a clock and randomness of their own. */

/** A clock, timers and a source of randomness. */
export interface Time {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `act` after this many milliseconds, unless the returned function is called first. */
  after(milliseconds: number, act: () => void): () => void
  /** At least 0 and less than 1. */
  random(): number
}

/** Timers set to more than this fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** The clock and timers of the machine. Timers end after 24 days at the latest. */
export const systemTime: Time = {
  now: () => Date.now(),
  after: (milliseconds, act) => {
    const timer = setTimeout(act, Math.min(milliseconds, MAX_TIMER_MS))
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** How long a relay may take to answer. */
export interface Timeout {
  readonly time: Time
  readonly timeoutMs: number
}

/** @throws Error with `message` if the promise is still pending after the timeout */
export function withTimeout<Value>(
  promise: Promise<Value>,
  { time, timeoutMs }: Timeout,
  message = 'no answer in time',
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = time.after(timeoutMs, () => reject(new Error(message)))
    promise.then(resolve, reject).finally(cancel)
  })
}

const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 60_000

/**
 * Milliseconds to wait before the next attempt: 1, 2, 4 ... 60 seconds, of which the second half is random, so that
 * clients that failed together do not come back together.
 * @param failures how many attempts have failed before the last one
 * @param random at least 0 and less than 1
 */
export function retryDelayMs(failures: number, random: number): number {
  const delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)
  return Math.round((delay * (1 + random)) / 2)
}

/** All pauses between attempts of one client. They end early when the client is closed. */
export class Pauses {
  readonly #time: Time
  readonly #endings = new Set<() => void>()
  #isClosed = false

  constructor(time: Time) {
    this.#time = time
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Resolves after this many milliseconds, or as soon as `close` is called. */
  wait(milliseconds: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        this.#endings.delete(end)
        resolve()
      }
      const cancel = this.#time.after(milliseconds, end)
      this.#endings.add(end)
    })
  }

  close(): void {
    this.#isClosed = true
    for (const end of this.#endings) end()
  }
}
