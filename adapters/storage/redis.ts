/** A store in Redis: shared by any number of processes on any number of machines. */

import type { Logger } from '../../plugin/context.ts'
import type { EventId, Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import type {
  AuthorRelayList,
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KnownName,
  ListedPackage,
  LowStockListener,
  MovableStore,
  PublishedListener,
  PutOutcome,
  Quota,
  QuotaOutcome,
  RemovedListener,
  Selector,
  StockLimits,
  StoredKeyPackage,
  StoreStats,
} from '../../plugin/store.ts'
import { Calls } from './redis/calls.ts'
import { Census } from './redis/census.ts'
import { Changes } from './redis/changes.ts'
import { Claims } from './redis/claims.ts'
import type { RedisClient, Trust } from './redis/clients.ts'
import { connectRedis, type RedisConnection } from './redis/connection.ts'
import { logDurability } from './redis/durability.ts'
import { Keys } from './redis/keys.ts'
import { decodeRelayList } from './redis/relay-lists.ts'
import type { WaitReplicas } from './redis/replication.ts'
import { decodeList } from './redis/replies.ts'
import { decodeRow, encodeRow, encodeSelector, rowName } from './redis/row.ts'
import { Scripts } from './redis/scripts.ts'
import { Signals } from './redis/signals.ts'
import { Sweeper } from './redis/sweep.ts'

export interface RedisStoreOptions {
  /** As in `redis://localhost`, `rediss://`, `redis+sentinel://` or `redis+cluster://`; or an ioredis client, whose settings are used. */
  readonly redis: string | RedisClient
  /** Where outages are reported, and what Redis promises; silent by default. */
  readonly log?: Logger
  /**
   * How many replicas must have a change before it counts (I6). By default `auto`: with Sentinel or on a cluster one,
   * while the master has one; on a single server none.
   */
  readonly waitReplicas?: WaitReplicas
  readonly trust?: Trust
}

const silent: Logger = { info() {}, warn() {}, error() {} }

/**
 * Connects to Redis. Later outages are survived: until they are over, calls reject within two seconds.
 * @throws StoreError saying what to do when Redis cannot be used
 */
export async function redisStore({
  redis,
  log = silent,
  ...options
}: RedisStoreOptions): Promise<MovableStore> {
  const connection = await connectRedis(redis, { log, ...options })
  try {
    const store = new RedisStore(connection)
    await store.start()
    await logDurability(connection, log)
    return store
  } catch (error) {
    await connection.close()
    throw error
  }
}

class RedisStore implements MovableStore {
  /** As far as Redis is: `logDurability` says how far that is. */
  readonly durable = true
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  readonly #changes: Changes
  readonly #claims: Claims
  readonly #signals: Signals
  readonly #sweeper: Sweeper
  readonly #census: Census
  readonly #calls = new Calls()
  #closed: Promise<void> | undefined

  constructor(connection: RedisConnection) {
    this.#connection = connection
    this.#keys = new Keys(connection.prefix)
    this.#scripts = new Scripts(connection)
    this.#changes = new Changes(this.#keys, this.#scripts)
    this.#signals = new Signals(connection, this.#keys.signals())
    this.#sweeper = new Sweeper(connection, this.#keys, this.#scripts, this.#changes)
    this.#claims = new Claims(connection, this.#keys, this.#scripts, {
      removed: (removals) => this.#changes.tell(removals),
      lowStock: (author, remaining) => this.#signals.tellLowStock(author, remaining),
      due: (author, now) => this.#sweeper.mark(author, now),
    })
    this.#census = new Census(connection, this.#keys, this.#scripts)
  }

  start(): Promise<void> {
    return this.#signals.start()
  }

  put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    return this.#calls.run(async () => {
      const { author, id } = pkg
      const { max, overflow, retireAfterSeconds, publish } = limits
      const { exposure } = pkg
      const args = [
        encodeRow(pkg),
        now,
        max,
        overflow,
        retireAfterSeconds,
        publish?.max ?? '',
        publish?.windowSeconds ?? '',
        exposure?.since ?? '',
        exposure?.count ?? '',
      ]
      const reply = this.#changes.make('put', author, args, [this.#keys.published(author)])
      this.#sweeper.mark(author, now)
      const outcome = (await reply) as PutOutcome
      if (outcome === 'stored' || outcome === 'replaced') this.#signals.tellPublished(author, id)
      return outcome
    })
  }

  claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    return this.#calls.run(() => this.#claims.send(claims, policy, now))
  }

  list(author: Pubkey, now: number): Promise<ListedPackage[]> {
    return this.#calls.run(async () => {
      const reply = await this.#scripts.run('list', this.#keys.stock(author), [])
      return decodeList(author, reply)
        .filter(({ pkg }) => pkg.expiresAt > now)
        .map(({ pkg, row }) => ({ ...pkg, read: this.#readerOf(author, pkg.id, row) }))
    })
  }

  count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]> {
    return this.#calls.run(async () => {
      const counts = authors.map((author) => this.#scripts.run('count', this.#keys.stock(author), [now]))
      const all = (await Promise.all(counts)) as (number | null)[]
      return all.map((count) => count ?? undefined)
    })
  }

  drop(author: Pubkey, which: Selector, now: number): Promise<number> {
    return this.#calls.run(async () => {
      const args = [now, ...encodeSelector(which)]
      return Number(await this.#changes.make('drop', author, args))
    })
  }

  release(author: Pubkey, ids: readonly string[], now: number): Promise<void> {
    return this.#calls.run(async () => {
      const reply = this.#changes.make('release', author, [now, ...ids])
      this.#sweeper.mark(author, now)
      await reply
    })
  }

  sweep(now: number, retireAfterSeconds: number): Promise<number> {
    return this.#calls.run(() => this.#sweeper.sweep(now, retireAfterSeconds))
  }

  hit(key: string, cost: number, { max, windowSeconds }: Quota, now: number): Promise<QuotaOutcome> {
    return this.#calls.run(async () => {
      const reply = await this.#scripts.run('hit', [this.#keys.hit(key)], [cost, now, max, windowSeconds])
      const [granted, retryAfterSeconds] = reply as [number, number]
      return { granted, retryAfterSeconds }
    })
  }

  putRelayList(event: SignedEvent): Promise<'stored' | 'duplicate' | 'stale'> {
    return this.#calls.run(async () => {
      const args = [JSON.stringify(event), event.id, event.created_at]
      const reply = await this.#scripts.run('putRelayList', [this.#keys.relayList(event.pubkey)], args)
      return reply as 'stored' | 'duplicate' | 'stale'
    })
  }

  getRelayLists(authors: readonly Pubkey[]): Promise<(SignedEvent | undefined)[]> {
    return this.#calls.run(async () => {
      return Promise.all(
        authors.map(async (author) => {
          const text = await this.#scripts.ask('hget', this.#keys.relayList(author), 'event')
          return text === null ? undefined : decodeRelayList(author, `${text}`)
        }),
      )
    })
  }

  dropRelayList(author: Pubkey, createdUntil: number): Promise<void> {
    return this.#calls.run(async () => {
      await this.#scripts.run('dropRelayList', [this.#keys.relayList(author)], [createdUntil])
    })
  }

  async *authors(): AsyncGenerator<Pubkey> {
    this.#calls.requireOpen()
    yield* this.#census.authors()
  }

  known(author: Pubkey, now: number): Promise<KnownName[]> {
    return this.#calls.run(() => this.#census.known(author, now))
  }

  spend(author: Pubkey, names: readonly KnownName[], now: number): Promise<void> {
    return this.#calls.run(async () => {
      const args = names.flatMap(({ name, expiresAt }) => [name, expiresAt])
      const reply = this.#changes.make('spend', author, [now, ...args])
      this.#sweeper.mark(author, now)
      await reply
    })
  }

  async *relayLists(): AsyncGenerator<AuthorRelayList> {
    this.#calls.requireOpen()
    yield* this.#census.relayLists()
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#signals.lowStock.add(listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#signals.published.add(listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#changes.removed.add(listener)
  }

  stats(): Promise<StoreStats> {
    return this.#calls.run(() => this.#sweeper.stats())
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish()
    return this.#closed
  }

  /** Numbers of rows may be given again once a stock is forgotten. */
  #readerOf(author: Pubkey, id: EventId, row: number): ListedPackage['read'] {
    return () =>
      this.#calls.run(async () => {
        const [stock] = this.#keys.stock(author)
        const reply = this.#connection.client.hget(stock, rowName(row))
        const text = await this.#connection.within(reply)
        const pkg = text === null ? undefined : decodeRow(author, text)
        return pkg?.id === id ? { event: pkg.event, contentForm: pkg.contentForm } : undefined
      })
  }

  async #finish(): Promise<void> {
    this.#signals.stop()
    await this.#calls.close()
    await this.#connection.close()
  }
}
