/** Counts in quota windows over all authors: those that are asked for in one turn of the event loop in one call, because a REQ alone asks for several. */

import type { Quota, QuotaOutcome } from '../../../plugin/store.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import type { Argument, Scripts } from './scripts.ts'
import { together } from './together.ts'

interface Waiting {
  readonly key: string
  /** What hit.lua is told about it. */
  readonly args: readonly Argument[]
  resolve(outcome: QuotaOutcome): void
  reject(error: unknown): void
}

export class Hits {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  #waiting: Waiting[] = []

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
  }

  /** Records as much of `cost` as the quota allows. @throws StoreError */
  hit(key: string, cost: number, { max, windowSeconds }: Quota, now: number): Promise<QuotaOutcome> {
    return new Promise((resolve, reject) => {
      // Not in the next phase of the event loop: the connection gathers what leaves until then.
      if (this.#waiting.length === 0) process.nextTick(() => this.#sendAll())
      this.#waiting.push({
        key: this.#keys.hit(key),
        args: [cost, now, max, windowSeconds],
        resolve,
        reject,
      })
    })
  }

  #sendAll(): void {
    const all = this.#waiting
    this.#waiting = []
    for (const some of together(this.#connection, all)) void this.#send(some)
  }

  async #send(some: readonly Waiting[]): Promise<void> {
    try {
      const keys = some.map(({ key }) => key)
      const args = some.flatMap((waiting) => waiting.args)
      const replies = (await this.#scripts.run('hit', keys, args)) as number[]
      for (const [index, { resolve }] of some.entries()) {
        const [granted = 0, retryAfterSeconds = 0] = replies.slice(2 * index)
        resolve({ granted, retryAfterSeconds })
      }
    } catch (error) {
      for (const { reject } of some) reject(error)
    }
  }
}
