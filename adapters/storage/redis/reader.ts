/** Reads an author's packages without changing anything. */

import type { StoredEvent } from '../../../plugin/key-package/encoding.ts'
import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import { counted } from '../../../plugin/stock/bookkeeping.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { Commits } from './commits.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { decodeStock, type RowedPackage, STOCK_FIELDS } from './layout.ts'
import { decodeRow } from './row.ts'
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

  /** The stock of an author without the events; undefined if there is none. @throws StoreError */
  async stock(author: Pubkey): Promise<Stock<RowedPackage> | undefined> {
    const { stock } = this.#keys.of(author)
    const read = this.#commits.read(stock, [['HMGET', stock, ...STOCK_FIELDS]])
    return this.#connection.within(read.then(([values]) => decodeStock(values as (string | null)[]).stock))
  }

  /** The event of a package; undefined if it is gone. @throws StoreError */
  async event(author: Pubkey, id: EventId, row: string): Promise<StoredEvent | undefined> {
    const { stock } = this.#keys.of(author)
    const [text] = await this.#connection.within(this.#commits.read(stock, [['HGET', stock, row]]))
    if (typeof text !== 'string') return undefined
    const { id: stored, event, contentForm } = decodeRow(author, text)
    return stored === id ? { event, contentForm } : undefined
  }

  /** @throws StoreError */
  async count(author: Pubkey, now: number): Promise<number | undefined> {
    return counted(await this.stock(author), now)
  }
}
