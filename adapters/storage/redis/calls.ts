/** The calls of a store that are under way: none begins once it is closed, and closing waits for those that did. */

import { StoreError } from '../../../plugin/store-error.ts'

export class Calls {
  /** A number: a set of promises would, each time it grows, hold on to all that were in it until the next full collection. */
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

  /** Resolves when all calls have ended, whatever came of them. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#underWay === 0) return
    await new Promise<void>((resolve) => {
      this.#finish = resolve
    })
  }
}
