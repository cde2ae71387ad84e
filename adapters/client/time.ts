/** Time and chance, as the client takes them: a test that wants to decide over both gives its own. */

/** A clock, timers and chance. */
export interface Time {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `act` after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, act: () => void): () => void
  /** At least 0, less than 1. */
  random(): number
}

/** A timer that is set to more fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The machine's; a wait of more than 24 days ends after 24 days. */
export const systemTime: Time = {
  now: () => Date.now(),
  after: (milliseconds, act) => {
    const timer = setTimeout(act, Math.min(milliseconds, LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Rejects with `what` where the promise takes longer than so many milliseconds. */
export function within<Value>(
  time: Time,
  milliseconds: number,
  what: string,
  promise: Promise<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = time.after(milliseconds, () => reject(new Error(what)))
    promise.then(resolve, reject).finally(cancel)
  })
}
