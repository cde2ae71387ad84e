/** Empty Redis stores for tests, each under its own prefix. */

import { redisStore } from '../../adapters/storage/redis.ts'
import type { MovableStore } from '../../plugin/store.ts'

export class RedisStores {
  readonly #url: string
  #opened = 0

  /** @param url a server or cluster that the test started */
  constructor(url: string) {
    this.#url = url
  }

  open(): Promise<MovableStore> {
    return this.again(`${this.#opened++}`)
  }

  /** Opens the store with that name, like another process. */
  again(name: string): Promise<MovableStore> {
    return redisStore({ redis: `${this.#url}?prefix=kpg:test-${name}:` })
  }
}
