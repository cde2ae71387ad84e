/** Visits the authors of a Redis store in small steps that do not block the server for long. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { StoreStats } from '../../../plugin/store.ts'
import type { Census } from './census.ts'
import type { Changes } from './changes.ts'
import type { RedisConnection } from './connection.ts'
import { sweeping } from './decisions.ts'
import type { Keys } from './keys.ts'
import { storedSize } from './layout.ts'
import type { RelayLists } from './relay-lists.ts'
import type { Scripts } from './scripts.ts'
import { CLAIM_WINDOWS, claimWindowUntil } from './windows.ts'

const CHUNK = 100
/** How many fields of a stock a step visits. */
const STEP = 1000
/** After how many seconds an author is visited again if its sweep was interrupted. */
const RETRY_SECONDS = 300

export interface SweeperParts {
  readonly connection: RedisConnection
  readonly keys: Keys
  readonly scripts: Scripts
  readonly changes: Changes
  readonly relayLists: RelayLists
  readonly census: Census
}

export class Sweeper {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  readonly #changes: Changes
  readonly #relayLists: RelayLists
  readonly #census: Census

  constructor({ connection, keys, scripts, changes, relayLists, census }: SweeperParts) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
    this.#changes = changes
    this.#relayLists = relayLists
    this.#census = census
  }

  /** Resolves to the number of removed packages. @throws StoreError */
  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    let gone = 0
    await this.#eachDue(this.#keys.everyDue(), now, async (author) => {
      const swept = await this.#changes.make(author, sweeping(retireAfterSeconds, now))
      gone += swept.gone
      return swept.dueAt === undefined ? undefined : this.#sweepWindows(author, swept.dueAt, now)
    })
    await this.#indexOldLists(now)
    await this.#eachDue(this.#keys.everyListsDue(), now, (author) => this.#relayLists.sweep(author, now))
    return gone
  }

  /** How many authors are in the larger of the two indexes. @throws StoreError */
  async countAuthors(): Promise<number> {
    const sizeOfAll = async (parts: readonly string[]) => {
      const sizes = await Promise.all(parts.map((part) => this.#scripts.ask('zcard', part)))
      return sizes.reduce((sum: number, size) => sum + Number(size), 0)
    }
    const counts = await Promise.all([this.#keys.everyDue(), this.#keys.everyListsDue()].map(sizeOfAll))
    return Math.max(...counts)
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

  /** @param visit resolves to when the author is due again; undefined if never */
  async #eachDue(
    parts: readonly string[],
    now: number,
    visit: (author: Pubkey) => Promise<number | undefined>,
  ): Promise<void> {
    for (const part of parts) {
      for (;;) {
        const due = await this.#scripts.ask('zrangebyscore', part, '-inf', now, 'LIMIT', 0, CHUNK)
        const authors = due as Pubkey[]
        if (authors.length === 0) break
        await Promise.all(authors.map((author) => this.#visit(part, author, now, visit)))
      }
    }
  }

  /** Sets a temporary score during the visit, so that a concurrent change is noticed. */
  async #visit(
    part: string,
    author: Pubkey,
    now: number,
    visit: (author: Pubkey) => Promise<number | undefined>,
  ): Promise<void> {
    const retryAt = now + RETRY_SECONDS
    await this.#connection.within(this.#connection.client.zadd(part, retryAt, author))
    const dueAt = await visit(author)
    await this.#scripts.run('reschedule', [part], [author, retryAt, dueAt ?? ''])
  }

  /** Adds the lists that earlier versions have stored to the index, once. */
  async #indexOldLists(now: number): Promise<void> {
    const done = this.#keys.listsIndexed()
    if ((await this.#scripts.ask('exists', done)) === 1) return
    for await (const author of this.#census.authorsWithRelayLists()) {
      const part = this.#keys.listsDue(author)
      await this.#connection.within(this.#connection.client.zadd(part, 'NX', now, author))
    }
    await this.#connection.within(this.#connection.write(['set', done, '1']))
  }

  /** Removes the claim windows that are over. Resolves to when the next is, or to `dueAt` if that is earlier. */
  async #sweepWindows(author: Pubkey, dueAt: number, now: number): Promise<number> {
    const { stock } = this.#keys.of(author)
    let next = dueAt
    let cursor = '0'
    do {
      const step = await this.#scripts.ask('hscan', stock, cursor, 'MATCH', CLAIM_WINDOWS, 'COUNT', STEP)
      const [after, words] = step as [after: string, words: string[]]
      const over: string[] = []
      for (let index = 0; index < words.length; index += 2) {
        const [field = '', window = ''] = words.slice(index, index + 2)
        const keptUntil = claimWindowUntil(window)
        if (keptUntil <= now) over.push(field)
        else next = Math.min(next, keptUntil)
      }
      if (over.length > 0) await this.#scripts.run('forget', [stock], [now, ...over])
      cursor = after
    } while (cursor !== '0')
    return next
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
