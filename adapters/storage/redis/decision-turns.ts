/** When a change is decided: few in one turn of the event loop, so that a REQ of hundreds of authors does not keep other clients waiting (I9). */

/** Deciding one may take a fraction of a millisecond. */
const DECIDED_A_TURN = 16

/** Those who ask for a turn get one in order. */
export class DecisionTurns {
  readonly #waiting: (() => void)[] = []
  #left = DECIDED_A_TURN
  #isScheduled = false

  /** Resolves when it is the caller's turn: in this turn of the event loop, or in one of the next. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#begin()
    })
  }

  #begin(): void {
    while (this.#left > 0) {
      const begin = this.#waiting.shift()
      if (begin === undefined) break
      this.#left -= 1
      begin()
    }
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#left = DECIDED_A_TURN
      if (this.#waiting.length > 0) this.#begin()
    })
  }
}
