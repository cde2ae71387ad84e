/** Reads an author's packages; changes nothing. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { counted } from '../../../plugin/stock/keeping.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { Commits } from './commits.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { decodeStock, type RowedPackage, STOCK_FIELDS } from './layout.ts'
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
    const { stock } = this.#keys.of(author)
    const read = this.#commits.read(stock, [
      ['HMGET', stock, ...STOCK_FIELDS],
      ['HGETALL', stock],
    ])
    return this.#connection.within(
      read.then(([values, words]) => ({
        stock: decodeStock(values as (string | null)[]).stock,
        rows: fieldsOf(words as string[]),
      })),
    )
  }

  /** @throws StoreError */
  async count(author: Pubkey, now: number): Promise<number | undefined> {
    const { stock } = this.#keys.of(author)
    const read = this.#commits.read(stock, [['HMGET', stock, ...STOCK_FIELDS]])
    return this.#connection.within(
      read.then(([values]) => counted(decodeStock(values as (string | null)[]).stock, now)),
    )
  }
}

function fieldsOf(words: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (let index = 0; index < words.length; index += 2) fields.set(words[index] ?? '', words[index + 1] ?? '')
  return fields
}
