/** The pauses between one try and the next, of all that a client does: they end when it is closed. */

import type { Time } from './time.ts'

export class Pauses {
  readonly #time: Time
  readonly #ends = new Set<() => void>()
  #isOver = false

  constructor(time: Time) {
    this.#time = time
  }

  /** Whether nobody waits for what comes after a pause any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves after so many milliseconds, or as soon as all pauses are over. */
  wait(milliseconds: number): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        this.#ends.delete(end)
        resolve()
      }
      const cancel = this.#time.after(milliseconds, end)
      this.#ends.add(end)
    })
  }

  end(): void {
    this.#isOver = true
    for (const end of this.#ends) end()
  }
}
