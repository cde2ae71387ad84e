/** Empty Redis stores for tests, each under a prefix of its own. */

import { redisStore } from '../../adapters/storage/redis.ts'
import type { MovableStore } from '../../plugin/store.ts'

export class RedisStores {
  readonly #url: string
  #opened = 0

  /** @param url of a server or cluster that this test started */
  constructor(url: string) {
    this.#url = url
  }

  open(): Promise<MovableStore> {
    return this.again(`${this.#opened++}`)
  }

  /** As another process would open the store of that name. */
  again(name: string): Promise<MovableStore> {
    return redisStore({ redis: `${this.#url}?prefix=test-${name}:` })
  }
}
