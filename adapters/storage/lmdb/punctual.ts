/** Gives up on writes that take too long: another process that is stopped inside a write holds the lock of LMDB (I7). */

import { StoreError } from '../../../plugin/store.ts'

/** Time is counted in so many ticks, and a stall of this process's own event loop is one tick, however long it was. */
const TICKS = 4

/** A write, as its transaction sees it. */
export interface Attempt {
  /** Its caller has been told that it failed, so it must change nothing any more. */
  readonly isLate: boolean
}

/** Of a write that nobody waits for. */
export const PATIENT: Attempt = { isLate: false }

interface PendingAttempt {
  isLate: boolean
  ticksLeft: number
  giveUp(): void
}

export class Punctual {
  readonly #tickMs: number
  readonly #pending = new Set<PendingAttempt>()
  #late = 0
  /** Writes that are not done with, and what undoes them. */
  #underWay = 0
  #onSettled: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#tickMs = timeoutMs / TICKS
  }

  /**
   * @param undo called with the result of a write that was committed, although its caller has been told that it failed
   * @throws StoreError in time. While an earlier write is late, at once: more of them would only wait behind it, and fill
   *   the memory (I9).
   */
  async run<Result>(
    write: (attempt: Attempt) => Promise<Result>,
    undo: (result: Result) => Promise<unknown>,
  ): Promise<Result> {
    if (this.#late > 0) throw lateness()
    return new Promise((resolve, reject) => {
      const attempt = { isLate: false, ticksLeft: TICKS, giveUp: () => reject(lateness()) }
      this.#begin(attempt)
      write(attempt).then(
        (result) => {
          this.#end(attempt)
          if (attempt.isLate) undo(result).then(this.#done, this.#done)
          else {
            resolve(result)
            this.#done()
          }
        },
        (error: unknown) => {
          this.#end(attempt)
          reject(error)
          this.#done()
        },
      )
    })
  }

  /** Resolves once all writes are done with, and undone where they were late. */
  async settled(): Promise<void> {
    if (this.#underWay === 0) return
    await new Promise<void>((resolve) => {
      this.#onSettled = resolve
    })
  }

  readonly #done = (): void => {
    this.#underWay -= 1
    if (this.#underWay === 0) this.#onSettled()
  }

  #begin(attempt: PendingAttempt): void {
    this.#underWay += 1
    this.#pending.add(attempt)
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref()
  }

  #end(attempt: PendingAttempt): void {
    this.#pending.delete(attempt)
    if (attempt.isLate) this.#late -= 1
    if (this.#pending.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    for (const attempt of this.#pending) {
      attempt.ticksLeft -= 1
      if (attempt.ticksLeft !== 0) continue
      attempt.isLate = true
      this.#late += 1
      attempt.giveUp()
    }
  }
}

function lateness(): StoreError {
  return new StoreError(
    'the LMDB store did not answer in time: the disk is slow, or another process that uses it is stopped in a write',
  )
}
