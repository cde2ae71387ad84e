/** Empty stores on disk and in a Redis of its own, for tests that hold all of ours to the same. */

import type { MovableStore } from '../../plugin/store.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { RedisStores } from './redis-stores.ts'
import { LmdbStores } from './stores.ts'

export class RealStores {
  readonly #lmdb = new LmdbStores()
  readonly #server: RedisServer
  readonly #redis: RedisStores
  #shared = 0

  private constructor(server: RedisServer) {
    this.#server = server
    this.#redis = new RedisStores(server.urlFor('gateway', 'right'))
  }

  static async start(): Promise<RealStores> {
    const server = await startRedis()
    await server.admit('gateway', 'right')
    return new RealStores(server)
  }

  lmdb(): MovableStore {
    return this.#lmdb.open()
  }

  redis(): Promise<MovableStore> {
    return this.#redis.open()
  }

  /** As two processes would open it. */
  async redisTwice(): Promise<[MovableStore, MovableStore]> {
    const name = `shared-${this.#shared++}`
    return [await this.#redis.again(name), await this.#redis.again(name)]
  }

  stop(): Promise<void> {
    return this.#server.stop()
  }
}
