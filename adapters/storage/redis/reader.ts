/** Reads an author's packages; changes nothing. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { counted } from '../../../plugin/stock/keeping.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { Commits, fieldsOf } from './commits.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { decodeStock, type RowedPackage } from './layout.ts'
import type { Scripts } from './scripts.ts'

export class Reader {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #commits: Commits

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#keys = keys
    this.#commits = new Commits(scripts)
  }

  /** The stock, and all rows, as they were at one moment. @throws StoreError */
  async packages(
    author: Pubkey,
  ): Promise<{ stock: Stock<RowedPackage> | undefined; rows: ReadonlyMap<string, string> }> {
    const { stock, events } = this.#keys.of(author)
    return this.#connection.within(
      this.#commits.read(stock, [['HGETALL', events]]).then(({ words, answers }) => {
        const [found] = answers as [string[]]
        return { stock: decodeStock(words).stock, rows: fieldsOf(found) }
      }),
    )
  }

  /** @throws StoreError */
  count(author: Pubkey, now: number): Promise<number | undefined> {
    const { stock } = this.#keys.of(author)
    const read = this.#commits.read(stock)
    return this.#connection.within(read.then(({ words }) => counted(decodeStock(words).stock, now)))
  }
}
