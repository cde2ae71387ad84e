/** Visits the authors of a Redis store in small steps that do not block the server for long. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { StoreStats } from '../../../plugin/store.ts'
import type { Changes } from './changes.ts'
import type { RedisConnection } from './connection.ts'
import { sweeping } from './decisions.ts'
import type { Keys } from './keys.ts'
import { storedSize } from './layout.ts'
import type { Scripts } from './scripts.ts'

const CHUNK = 100
/** After how many seconds an author is visited again if its sweep was interrupted. */
const RETRY_SECONDS = 300

export class Sweeper {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  readonly #changes: Changes

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts, changes: Changes) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
    this.#changes = changes
  }

  /** Resolves to the number of removed packages. @throws StoreError */
  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    let gone = 0
    for (const part of this.#keys.everyDue()) {
      for (;;) {
        const due = await this.#scripts.ask('zrangebyscore', part, '-inf', now, 'LIMIT', 0, CHUNK)
        const authors = due as Pubkey[]
        if (authors.length === 0) break
        const counts = await Promise.all(
          authors.map((author) => this.#sweepAuthor(part, author, retireAfterSeconds, now)),
        )
        gone += counts.reduce((sum, count) => sum + count, 0)
      }
    }
    return gone
  }

  /** @throws StoreError */
  async stats(): Promise<StoreStats> {
    let authors = 0
    let packages = 0
    for (const part of this.#keys.everyDue()) {
      for (let from = 0; ; from += CHUNK) {
        const counts = await this.#countSome(part, from)
        if (counts.length === 0) break
        for (const count of counts) {
          authors += Math.sign(count)
          packages += count
        }
      }
    }
    return { authors, packages }
  }

  /** Sets a temporary score during the sweep, so that a concurrent change is noticed. */
  async #sweepAuthor(part: string, author: Pubkey, retireAfterSeconds: number, now: number): Promise<number> {
    const retryAt = now + RETRY_SECONDS
    await this.#connection.within(this.#connection.client.zadd(part, retryAt, author))
    const outcome = await this.#changes.make(author, sweeping(retireAfterSeconds, now))
    await this.#scripts.run('reschedule', [part], [author, retryAt, outcome.dueAt ?? ''])
    return outcome.gone
  }

  async #countSome(part: string, from: number): Promise<number[]> {
    const authors = (await this.#scripts.ask('zrange', part, from, from + CHUNK - 1)) as Pubkey[]
    const sizes = authors.map(async (author) => {
      const { stock } = this.#keys.of(author)
      const [head, fresh] = (await this.#scripts.ask('hmget', stock, 'head', 'fresh')) as (string | null)[]
      return storedSize(head ?? null, fresh ?? null)
    })
    return Promise.all(sizes)
  }
}
