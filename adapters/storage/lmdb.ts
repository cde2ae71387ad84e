/** A store in an LMDB environment: durable, and shared by every process on the machine that opens the same path. */

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
import type {
  AuthorRelayList,
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  Deletion,
  DropOutcome,
  ListedPackage,
  LowStockListener,
  MovableStore,
  PublishedListener,
  PutOutcome,
  Quota,
  QuotaOutcome,
  Remembered,
  RemovedListener,
  StockLimits,
  StoredKeyPackage,
  StoreStats,
} from '../../plugin/store.ts'
import { StoreError } from '../../plugin/store-error.ts'
import {
  type Environment,
  type LmdbStoreSettings,
  openEnvironment,
  type WindowKey,
} from './lmdb/environment.ts'
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
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  #closed: Promise<void> | undefined

  constructor(environment: Environment) {
    this.#environment = environment
  }

  async put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    const outcome = await this.#write((transaction) => put(transaction, pkg, limits, now))
    if (isTakenIn(outcome)) this.#published.tell(pkg.author, pkg.id)
    return outcome
  }

  async claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    const outcomes = await this.#write((transaction) =>
      claims.map((request) => claimOne(transaction, request, policy, now)),
    )
    for (const [index, { author }] of claims.entries()) {
      const outcome = outcomes[index]
      if (outcome !== undefined && isLow(outcome, policy.low)) this.#lowStock.tell(author, outcome.remaining)
    }
    return outcomes
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
    return this.#lowStock.add(listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#published.add(listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#removed.add(listener)
  }

  async stats(): Promise<StoreStats> {
    const { meta } = this.#read()
    return { authors: meta.get('authors') ?? 0, packages: meta.get('packages') ?? 0 }
  }

  close(): Promise<void> {
    this.#closed ??= this.#environment.root.close()
    return this.#closed
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
