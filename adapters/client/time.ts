/** Time and chance, as the client takes them: a test that wants to decide over both gives its own. */

export interface Time {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `act` after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, act: () => void): () => void
  /** At least 0, less than 1. */
  random(): number
}

export const systemTime: Time = {
  now: () => Date.now(),
  after: (milliseconds, act) => {
    const timer = setTimeout(act, milliseconds)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

export function pause(time: Time, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    time.after(milliseconds, resolve)
  })
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
