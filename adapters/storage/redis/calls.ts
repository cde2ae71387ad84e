/** Tracks the pending calls of a store: closing waits for them, and no call starts after that. */

import { StoreError } from '../../../plugin/store.ts'

export class Calls {
  /** A counter: a growing set of promises would keep all of its former members until the next full garbage collection. */
  #underWay = 0
  #isClosed = false
  #finish: () => void = () => undefined

  /** @throws StoreError once closed */
  async run<Result>(call: () => Promise<Result>): Promise<Result> {
    this.requireOpen()
    this.#underWay += 1
    try {
      return await call()
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#finish()
    }
  }

  /** @throws StoreError once closed */
  requireOpen(): void {
    if (this.#isClosed) throw new StoreError('the Redis store is closed')
  }

  /** Resolves when all calls have settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#underWay === 0) return
    await new Promise<void>((resolve) => {
      this.#finish = resolve
    })
  }
}
