/** A store in an LMDB environment: durable, and shared by every process on the machine that opens the same path. */

import type {
  Following,
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../../plugin/lifecycle/follow-list.ts'
import {
  deleteRelayLists,
  offerRelayList,
  type RelayListOutcome,
  relayListsIn,
} from '../../plugin/lifecycle/known-relay-lists.ts'
import { Listeners } from '../../plugin/listeners.ts'
import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { counted, isLow, isTakenIn, listed } from '../../plugin/stock/bookkeeping.ts'
import { drop, release } from '../../plugin/stock/stock.ts'
import { hit, refund } from '../../plugin/stock/windows.ts'
import {
  type AuthorRelayList,
  type Claim,
  type ClaimOutcome,
  type ClaimPolicy,
  type CountedClaim,
  type Deletion,
  type DropOutcome,
  type ListedPackage,
  type LowStockListener,
  type MovableStore,
  type PublishedListener,
  type PutOutcome,
  type Quota,
  type QuotaOutcome,
  type Remembered,
  type RemovedListener,
  type StockLimits,
  type StoredKeyPackage,
  StoreError,
  type StoreStats,
} from '../../plugin/store.ts'
import { Changes } from './lmdb/changes.ts'
import {
  type Change,
  type Environment,
  type LmdbStoreSettings,
  openEnvironment,
  type WindowKey,
} from './lmdb/environment.ts'
import { dropFollowLists, follows, markFollowing, putFollowList } from './lmdb/follow-lists.ts'
import { keyPart } from './lmdb/keys.ts'
import { everyAuthor, everyRelayList, rememberedOf, rememberOf } from './lmdb/moving.ts'
import { claimOne, put, uncount } from './lmdb/packages.ts'
import { sweepDue, sweepWindows } from './lmdb/sweep.ts'
import { RETIRES_AT_ONCE, type Transaction, type Write, write } from './lmdb/transaction.ts'

export type { LmdbStoreSettings }

/**
 * Opens the store in the directory `path`, and creates it if it does not exist, unless `ifMissing` is `fail`.
 * @throws StoreError with what to do, if it cannot be opened
 */
export function lmdbStore(settings: LmdbStoreSettings): MovableStore {
  return new LmdbStore(openEnvironment(settings))
}

class LmdbStore implements MovableStore {
  readonly durable = true
  readonly #environment: Environment
  readonly #changes: Changes
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  #closed: Promise<void> | undefined

  constructor(environment: Environment) {
    this.#environment = environment
    this.#changes = new Changes(environment)
  }

  put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    const { author, id } = pkg
    return this.#change(
      (transaction) => put(transaction, pkg, limits, now),
      (outcome) => (isTakenIn(outcome) ? [{ what: 'published', author, id }] : []),
    )
  }

  claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    return this.#change(
      (transaction) => claims.map((request) => claimOne(transaction, request, policy, now)),
      (outcomes) =>
        claims.flatMap(({ author }, index) => {
          const outcome = outcomes[index]
          if (outcome === undefined || !isLow(outcome, policy.low)) return []
          return [{ what: 'low', author, remaining: outcome.remaining }]
        }),
    )
  }

  async list(author: Pubkey, now: number): Promise<ListedPackage[]> {
    const { authors } = this.#read()
    return listed(authors.get(author), now).map((pkg) => ({
      ...pkg,
      author,
      read: async () => this.#read().packages.get([author, pkg.id]),
    }))
  }

  async count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]> {
    const tables = this.#read()
    return authors.map((author) => counted(tables.authors.get(author), now))
  }

  drop(author: Pubkey, deletion: Deletion, now: number): Promise<DropOutcome> {
    return this.#write((transaction) => {
      const { authors, known } = transaction.tables
      const record = authors.get(author)
      transaction.useFormat()
      const { stock, outcome, removed } = drop(record, deletion, (name) => known.get([author, name]), now)
      transaction.save(author, record, stock, RETIRES_AT_ONCE, now)
      transaction.remove(author, removed)
      markFollowing(transaction, author, stock, now)
      return outcome
    })
  }

  release(author: Pubkey, ids: readonly string[], now: number, counted?: CountedClaim): Promise<void> {
    return this.#write((transaction) => {
      if (counted !== undefined) uncount(transaction, author, counted)
      const record = transaction.tables.authors.get(author)
      if (record === undefined) return
      const { stock, removed } = release(record, ids, now)
      transaction.save(author, record, stock, RETIRES_AT_ONCE, now)
      transaction.remove(author, removed)
    })
  }

  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    this.#requireOpen()
    const write: Write = (action) => this.#write(action)
    const gone = await sweepDue(this.#environment, write, retireAfterSeconds, now)
    await sweepWindows(this.#environment, write, now)
    return gone
  }

  hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome> {
    return this.#write(({ tables: { windows } }) => {
      const name: WindowKey = ['', 'hit', keyPart(key)]
      const before = windows.get(name)
      const { window, outcome } = hit(before, cost, quota, now)
      if (window !== undefined && window !== before) windows.put(name, window)
      return outcome
    })
  }

  refund(key: string, cost: number, quota: Quota, now: number): Promise<void> {
    return this.#write(({ tables: { windows } }) => {
      const name: WindowKey = ['', 'hit', keyPart(key)]
      const before = windows.get(name)
      const window = refund(before, cost, quota, now)
      if (window === before) return
      if (window === undefined) windows.remove(name)
      else windows.put(name, window)
    })
  }

  putRelayList(event: SignedEvent): Promise<RelayListOutcome> {
    return this.#write((transaction) => {
      const { relayLists } = transaction.tables
      const before = relayLists.get(event.pubkey) ?? {}
      const { lists, outcome } = offerRelayList(before, event)
      transaction.useFormat()
      if (outcome === 'stored') relayLists.put(event.pubkey, lists)
      return outcome
    })
  }

  async getRelayLists(authors: readonly Pubkey[], kinds: readonly number[]): Promise<SignedEvent[]> {
    const { relayLists } = this.#read()
    return authors.flatMap((author) => relayListsIn(relayLists.get(author), kinds))
  }

  dropRelayLists(author: Pubkey, kinds: readonly number[], createdUntil: number): Promise<void> {
    return this.#write((transaction) => {
      const { relayLists } = transaction.tables
      transaction.useFormat()
      relayLists.put(author, deleteRelayLists(relayLists.get(author) ?? {}, kinds, createdUntil))
    })
  }

  async putFollowList(list: FollowList): Promise<FollowListOutcome> {
    return putFollowList(this.#read(), (action) => this.#write(action), list)
  }

  async follows(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Following> {
    return follows(this.#read(), author, pubkeys)
  }

  async dropFollowLists(author: Pubkey, deletion: FollowListDeletion): Promise<void> {
    return dropFollowLists(this.#read(), (action) => this.#write(action), author, deletion)
  }

  async *authors(): AsyncGenerator<Pubkey> {
    yield* everyAuthor(this.#read())
  }

  async remembered(author: Pubkey, now: number): Promise<Remembered> {
    return rememberedOf(this.#read(), author, now)
  }

  remember(author: Pubkey, remembered: Remembered, now: number): Promise<void> {
    return this.#write((transaction) => rememberOf(transaction, author, remembered, now))
  }

  async *relayLists(): AsyncGenerator<AuthorRelayList> {
    yield* everyRelayList(this.#read())
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#changes.listen(this.#changes.lowStock, listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#changes.listen(this.#changes.published, listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#removed.add(listener)
  }

  async stats(): Promise<StoreStats> {
    const { meta } = this.#read()
    return { authors: meta.get('authors') ?? 0, packages: meta.get('packages') ?? 0 }
  }

  close(): Promise<void> {
    this.#changes.stop()
    this.#closed ??= this.#environment.root.close()
    return this.#closed
  }

  /** The same as `#write`, and tells the listeners of every process what `changesOf` names. */
  async #change<Result>(
    action: (transaction: Transaction) => Result,
    changesOf: (result: Result) => Change[],
  ): Promise<Result> {
    const { result, changes } = await this.#write((transaction) => {
      const result = action(transaction)
      const changes = changesOf(result)
      this.#changes.record(changes)
      return { result, changes }
    })
    for (const change of changes) this.#changes.tell(change)
    return result
  }

  async #write<Result>(action: (transaction: Transaction) => Result): Promise<Result> {
    this.#requireOpen()
    const { result, removals } = await write(this.#environment, action)
    if (removals.length > 0) this.#removed.tell(removals)
    return result
  }

  /** lmdb-js keeps one snapshot per event loop turn; another process may have committed since. */
  #read(): Environment {
    this.#requireOpen()
    this.#environment.root.resetReadTxn()
    return this.#environment
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw new StoreError('the LMDB store is closed')
  }
}
