/** A store in Redis, shared by any number of processes on any number of machines. */

import { type Logger, silent } from '../../plugin/context.ts'
import type { KeyPackageRef } from '../../plugin/key-package/decode.ts'
import type {
  Following,
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../../plugin/lifecycle/follow-list.ts'
import type { RelayListOutcome } from '../../plugin/lifecycle/known-relay-lists.ts'
import type { EventId, Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { isTakenIn, listed, rememberedDeletions } from '../../plugin/stock/bookkeeping.ts'
import {
  type AccessList,
  type AccessListener,
  type AccessRule,
  type AuthorRelayList,
  type ChangedInformation,
  type Claim,
  type ClaimOutcome,
  type ClaimPolicy,
  type CountedClaim,
  changedInformation,
  type Deletion,
  type DropOutcome,
  INFORMATION_FIELDS,
  type InformationField,
  type ListedPackage,
  type LowStockListener,
  type MovableStore,
  type PublishedListener,
  type PutOutcome,
  type Quota,
  type QuotaOutcome,
  type Remembered,
  type RemovedListener,
  type RotationDueListener,
  type StockLimits,
  type StoredKeyPackage,
  type StoreStats,
} from '../../plugin/store.ts'
import { AccessRules } from './redis/access-rules.ts'
import { Calls } from './redis/calls.ts'
import { Census } from './redis/census.ts'
import { Changes } from './redis/changes.ts'
import { Claims } from './redis/claims.ts'
import type { RedisAccess, RedisClient } from './redis/clients.ts'
import { connectRedis, type RedisConnection } from './redis/connection.ts'
import { dropping, putting, ranking, releasing, remembering } from './redis/decisions.ts'
import { logDurability } from './redis/durability.ts'
import { FollowLists } from './redis/follow-lists.ts'
import { Hits } from './redis/hits.ts'
import { Keys } from './redis/keys.ts'
import { LayoutCheck } from './redis/layout-check.ts'
import { Reader } from './redis/reader.ts'
import { RelayLists } from './redis/relay-lists.ts'
import type { WaitReplicas } from './redis/replication.ts'
import { Scripts } from './redis/scripts.ts'
import { Signals } from './redis/signals.ts'
import { Sweeper } from './redis/sweep.ts'

export type { RedisAccess, RedisTls, SentinelAccess } from './redis/clients.ts'

export interface RedisStoreOptions extends RedisAccess {
  /** A `redis://`, `rediss://`, `redis+sentinel://` or `redis+cluster://` address, or an ioredis client whose settings are copied. */
  readonly redis: string | RedisClient
  /** Logs outages and the durability of Redis; silent by default. */
  readonly log?: Logger
  /**
   * How many replicas must have a change before it is acknowledged (I6). By default `auto`: one with Sentinel or on a
   * cluster, while the master has one; none on a single server.
   */
  readonly waitReplicas?: WaitReplicas
}

/**
 * Connects to Redis. During later outages calls reject within two seconds, and the store recovers with Redis.
 * @throws StoreError with what to do, if Redis cannot be used
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
  /** As durable as Redis is configured; `logDurability` logs the details. */
  readonly durable = true
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #layout: LayoutCheck
  readonly #scripts: Scripts
  readonly #relayLists: RelayLists
  readonly #followLists: FollowLists
  readonly #accessRules: AccessRules
  readonly #reader: Reader
  readonly #changes: Changes
  readonly #claims: Claims
  readonly #hits: Hits
  readonly #signals: Signals
  readonly #sweeper: Sweeper
  readonly #census: Census
  readonly #calls = new Calls()
  #closed: Promise<void> | undefined

  constructor(connection: RedisConnection) {
    this.#connection = connection
    this.#keys = new Keys(connection.prefix)
    this.#layout = new LayoutCheck(connection, this.#keys)
    this.#scripts = new Scripts(connection)
    this.#changes = new Changes(connection, this.#keys, this.#scripts)
    this.#reader = new Reader(connection, this.#keys, this.#scripts)
    this.#relayLists = new RelayLists(connection, this.#keys, this.#scripts)
    this.#followLists = new FollowLists(connection, this.#keys, this.#scripts)
    this.#accessRules = new AccessRules(connection, this.#keys, this.#scripts)
    this.#signals = new Signals(connection, this.#keys.signals())
    this.#claims = new Claims(connection, this.#keys, this.#scripts, this.#changes, (author, remaining) =>
      this.#signals.tellLowStock(author, remaining),
    )
    this.#hits = new Hits(connection, this.#keys, this.#scripts)
    this.#census = new Census(connection, this.#keys, this.#scripts)
    this.#sweeper = new Sweeper({
      connection,
      keys: this.#keys,
      scripts: this.#scripts,
      changes: this.#changes,
      relayLists: this.#relayLists,
      census: this.#census,
    })
  }

  async start(): Promise<void> {
    await this.#layout.require()
    await this.#signals.start()
  }

  put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    return this.#write(async () => {
      const { author, id } = pkg
      const outcome = await this.#changes.make(author, putting(pkg, limits, now))
      if (isTakenIn(outcome)) this.#signals.tellPublished(author, id)
      return outcome
    })
  }

  claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    return this.#write(() => this.#claims.send(claims, policy, now))
  }

  list(author: Pubkey, now: number): Promise<ListedPackage[]> {
    return this.#calls.run(async () => {
      const packages = listed(await this.#reader.stock(author), now)
      return packages.map(({ row, ...pkg }) => ({
        ...pkg,
        author,
        read: () => this.#calls.run(() => this.#reader.event(author, pkg.id, row)),
      }))
    })
  }

  count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]> {
    return this.#calls.run(() => Promise.all(authors.map((author) => this.#reader.count(author, now))))
  }

  drop(author: Pubkey, deletion: Deletion, now: number): Promise<DropOutcome> {
    return this.#write(() => this.#changes.make(author, dropping(deletion, now)))
  }

  release(author: Pubkey, ids: readonly string[], now: number, counted?: CountedClaim): Promise<void> {
    return this.#write(() => this.#changes.make(author, releasing(ids, now, counted)))
  }

  sweep(now: number, retireAfterSeconds: number): Promise<number> {
    return this.#write(() => this.#sweeper.sweep(now, retireAfterSeconds))
  }

  hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome> {
    return this.#calls.run(() => this.#hits.hit(key, cost, quota, now))
  }

  refund(key: string, cost: number, { windowSeconds }: Quota, now: number): Promise<void> {
    return this.#calls.run(async () => {
      await this.#scripts.run('refund', [this.#keys.hit(key)], [cost, now, windowSeconds])
    })
  }

  putRelayList(event: SignedEvent, now: number, newAuthors?: 'report'): Promise<RelayListOutcome> {
    return this.#write(() => this.#relayLists.put(event, now, newAuthors))
  }

  getRelayLists(authors: readonly Pubkey[], kinds: readonly number[]): Promise<SignedEvent[]> {
    return this.#calls.run(() => this.#relayLists.get(authors, kinds))
  }

  dropRelayLists(author: Pubkey, kinds: readonly number[], createdUntil: number): Promise<void> {
    return this.#write(() => this.#relayLists.drop(author, kinds, createdUntil))
  }

  putFollowList(list: FollowList): Promise<FollowListOutcome> {
    return this.#write(() => this.#followLists.put(list))
  }

  follows(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Following> {
    return this.#calls.run(() => this.#followLists.follows(author, pubkeys))
  }

  dropFollowLists(author: Pubkey, deletion: FollowListDeletion): Promise<void> {
    return this.#write(() => this.#followLists.drop(author, deletion))
  }

  putAccessRule(rule: AccessRule): Promise<void> {
    return this.#write(async () => {
      await this.#accessRules.put(rule)
      this.#signals.tellAccessChanged()
    })
  }

  dropAccessRule(list: AccessList, subject: string): Promise<'removed' | 'missing'> {
    return this.#calls.run(async () => {
      const outcome = await this.#accessRules.drop(list, subject)
      if (outcome === 'removed') this.#signals.tellAccessChanged()
      return outcome
    })
  }

  accessRules(): Promise<AccessRule[]> {
    return this.#calls.run(() => this.#accessRules.all())
  }

  keepUrl(ifNone: string): Promise<string> {
    return this.#write(async () => {
      const key = this.#keys.url()
      const kept = await this.#scripts.ask('get', key)
      if (typeof kept === 'string') return kept
      await this.#connection.within(this.#connection.write(['set', key, ifNone, 'NX']))
      return String(await this.#scripts.ask('get', key))
    })
  }

  changeUrl(url: string): Promise<void> {
    return this.#write(async () => {
      await this.#connection.within(this.#connection.write(['set', this.#keys.url(), url]))
    })
  }

  putInformation(field: InformationField, value: string): Promise<void> {
    return this.#write(async () => {
      await this.#connection.within(this.#connection.write(['hset', this.#keys.information(), field, value]))
    })
  }

  information(): Promise<ChangedInformation> {
    return this.#calls.run(async () => {
      const key = this.#keys.information()
      return changedInformation((await this.#scripts.ask('hmget', key, ...INFORMATION_FIELDS)) as unknown[])
    })
  }

  rank(author: Pubkey, ranks: ReadonlyMap<EventId, string>, now: number): Promise<void> {
    return this.#write(() => this.#changes.make(author, ranking(ranks, now)))
  }

  async *authors(): AsyncGenerator<Pubkey> {
    this.#calls.requireOpen()
    yield* this.#census.authors()
  }

  remembered(author: Pubkey, now: number): Promise<Remembered> {
    return this.#calls.run(async () => {
      const names = await this.#census.names(author, now)
      return { names, deletions: rememberedDeletions(await this.#reader.stock(author), now) }
    })
  }

  remember(author: Pubkey, remembered: Remembered, now: number): Promise<void> {
    return this.#write(() => this.#changes.make(author, remembering(remembered, now)))
  }

  async *relayLists(): AsyncGenerator<AuthorRelayList> {
    this.#calls.requireOpen()
    yield* this.#census.relayLists()
  }

  onAccessChanged(listener: AccessListener): () => void {
    return this.#signals.access.add(listener)
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#signals.lowStock.add(listener)
  }

  tellRotationDue(author: Pubkey, slot: KeyPackageRef): Promise<void> {
    return this.#calls.run(async () => this.#signals.tellRotationDue(author, slot))
  }

  onRotationDue(listener: RotationDueListener): () => void {
    return this.#signals.rotationDue.add(listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#signals.published.add(listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#changes.removed.add(listener)
  }

  countAuthors(): Promise<number> {
    return this.#calls.run(() => this.#sweeper.countAuthors())
  }

  stats(): Promise<StoreStats> {
    return this.#calls.run(() => this.#sweeper.stats())
  }

  /** On a cluster, the clock of any node. */
  clock(): Promise<number> {
    return this.#calls.run(async () => {
      const [seconds, microseconds] = await this.#connection.within(this.#connection.client.time())
      return Number(seconds) * 1000 + Number(microseconds) / 1000
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish()
    return this.#closed
  }

  /** Runs a call that writes what earlier versions do not know. */
  #write<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.#calls.run(async () => {
      await this.#layout.use()
      return call()
    })
  }

  async #finish(): Promise<void> {
    this.#signals.stop()
    await this.#calls.close()
    await this.#connection.close()
  }
}
