/** A store in an LMDB environment: durable, and shared by every process on the machine that opens the same path. */

import type { KeyPackageRef } from '../../plugin/key-package/decode.ts'
import type {
  Following,
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../../plugin/lifecycle/follow-list.ts'
import { type RelayListOutcome, relayListsIn } from '../../plugin/lifecycle/known-relay-lists.ts'
import { Listeners } from '../../plugin/listeners.ts'
import type { EventId, Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { counted, isLow, isTakenIn, listed } from '../../plugin/stock/bookkeeping.ts'
import { drop, rank } from '../../plugin/stock/stock.ts'
import { hit } from '../../plugin/stock/windows.ts'
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
  StoreError,
  type StoreStats,
} from '../../plugin/store.ts'
import { dropAccessRule, everyAccessRule, putAccessRule } from './lmdb/access-rules.ts'
import { Changes } from './lmdb/changes.ts'
import { type Change, type Environment, type LmdbStoreSettings, openEnvironment } from './lmdb/environment.ts'
import { dropFollowLists, follows, markFollowing, putFollowList } from './lmdb/follow-lists.ts'
import { countHeard, everyAuthor, everyRelayList, rememberedOf, rememberOf } from './lmdb/moving.ts'
import { claimAll, hitKey, put, refundOne, releaseOne, undelivered } from './lmdb/packages.ts'
import { PATIENT, Punctual } from './lmdb/punctual.ts'
import { dropLists, putList, scheduleOldLists } from './lmdb/relay-lists.ts'
import { sweepDue, sweepWindows } from './lmdb/sweep.ts'
import { RETIRES_AT_ONCE, type Throws, type Transaction, type Write, write } from './lmdb/transaction.ts'

export type { LmdbStoreSettings }

/**
 * Opens the store in the directory `path`, and creates it if it does not exist, unless `ifMissing` is `fail`.
 * @throws StoreError with what to do, if it cannot be opened
 */
export function lmdbStore(settings: LmdbStoreSettings): MovableStore {
  return new LmdbStore(openEnvironment(settings), settings.timeoutMs ?? TIMEOUT_MS)
}

/** So that key packages fail closed within two seconds (I7). */
const TIMEOUT_MS = 1_900

interface WriteSettings<Result> {
  /** `at any time` by default. */
  readonly throws?: Throws | undefined
  /** What to do in another transaction if the action was committed, although its caller was told that it failed. */
  readonly undo?: ((transaction: Transaction, result: Result) => void) | undefined
  /** Called once the action is on disk, in time or not. */
  readonly committed?: (result: Result) => void
}

class LmdbStore implements MovableStore {
  readonly durable = true
  readonly #environment: Environment
  readonly #changes: Changes
  readonly #punctual: Punctual
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  #closed: Promise<void> | undefined

  constructor(environment: Environment, timeoutMs: number) {
    this.#environment = environment
    this.#punctual = new Punctual(timeoutMs)
    this.#changes = new Changes(environment)
  }

  put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    const { author, id } = pkg
    return this.#change(
      (transaction) => put(transaction, pkg, limits, now),
      (outcome) => (isTakenIn(outcome) ? [{ what: 'published', author, id }] : []),
      { throws: 'before it writes' },
    )
  }

  claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    return this.#change(
      (transaction) => claimAll(transaction, claims, policy, now),
      (outcomes) =>
        claims.flatMap(({ author }, index) => {
          const outcome = outcomes[index]
          if (outcome === undefined || !isLow(outcome, policy.low)) return []
          return [{ what: 'low', author, remaining: outcome.remaining }]
        }),
      {
        throws: 'before it writes',
        undo: (transaction, outcomes) => {
          for (const claim of undelivered(claims, outcomes, policy, now)) releaseOne(transaction, claim, now)
        },
      },
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
    return this.#write((transaction) => releaseOne(transaction, { author, ids, counted }, now))
  }

  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    this.#requireOpen()
    const write: Write = (action) => this.#write(action)
    await scheduleOldLists(this.#environment, write, now)
    const gone = await sweepDue(this.#environment, write, retireAfterSeconds, now)
    await sweepWindows(this.#environment, write, now)
    return gone
  }

  hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome> {
    const name = hitKey(key)
    return this.#write(
      ({ tables: { windows } }) => {
        const before = windows.get(name)
        const { window, outcome } = hit(before, cost, quota, now)
        if (window !== undefined && window !== before) windows.put(name, window)
        return outcome
      },
      {
        throws: 'before it writes',
        undo: (transaction, { granted }) => refundOne(transaction, name, granted, quota, now),
      },
    )
  }

  refund(key: string, cost: number, quota: Quota, now: number): Promise<void> {
    return this.#write((transaction) => refundOne(transaction, hitKey(key), cost, quota, now))
  }

  putRelayList(event: SignedEvent, now: number, newAuthors?: 'report'): Promise<RelayListOutcome> {
    return this.#write((transaction) => putList(transaction, event, now, newAuthors))
  }

  async getRelayLists(authors: readonly Pubkey[], kinds: readonly number[]): Promise<SignedEvent[]> {
    const { relayLists } = this.#read()
    return authors.flatMap((author) => relayListsIn(relayLists.get(author), kinds))
  }

  dropRelayLists(author: Pubkey, kinds: readonly number[], createdUntil: number): Promise<void> {
    return this.#write((transaction) => dropLists(transaction, author, kinds, createdUntil))
  }

  putAccessRule(rule: AccessRule): Promise<void> {
    return this.#change(
      (transaction) => putAccessRule(transaction, rule),
      () => [{ what: 'access' }],
    )
  }

  dropAccessRule(list: AccessList, subject: string): Promise<'removed' | 'missing'> {
    return this.#change(
      (transaction) => dropAccessRule(transaction, list, subject),
      (outcome) => (outcome === 'removed' ? [{ what: 'access' }] : []),
    )
  }

  async accessRules(): Promise<AccessRule[]> {
    return everyAccessRule(this.#read())
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

  async keepUrl(ifNone: string): Promise<string> {
    const known = this.#read().url.get('url')
    if (known !== undefined) return known
    return this.#write(({ tables: { url } }) => {
      const kept = url.get('url')
      if (kept === undefined) url.put('url', ifNone)
      return kept ?? ifNone
    })
  }

  changeUrl(url: string): Promise<void> {
    return this.#write(({ tables }) => void tables.url.put('url', url))
  }

  putInformation(field: InformationField, value: string): Promise<void> {
    return this.#write(({ tables }) => void tables.information.put(['information', field], value))
  }

  async information(): Promise<ChangedInformation> {
    const { information } = this.#read()
    return changedInformation(INFORMATION_FIELDS.map((field) => information.get(['information', field])))
  }

  rank(author: Pubkey, ranks: ReadonlyMap<EventId, string>, now: number): Promise<void> {
    return this.#write((transaction) => {
      const record = transaction.tables.authors.get(author)
      if (record === undefined) return
      transaction.save(author, record, rank(record, ranks), RETIRES_AT_ONCE, now)
    })
  }

  async *authors(): AsyncGenerator<Pubkey> {
    yield* everyAuthor(() => this.#read())
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

  onAccessChanged(listener: AccessListener): () => void {
    return this.#changes.listen(this.#changes.access, listener)
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#changes.listen(this.#changes.lowStock, listener)
  }

  tellRotationDue(author: Pubkey, slot: KeyPackageRef): Promise<void> {
    return this.#change(
      () => undefined,
      () => [{ what: 'rotate', author, slot }],
    )
  }

  onRotationDue(listener: RotationDueListener): () => void {
    return this.#changes.listen(this.#changes.rotationDue, listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#changes.listen(this.#changes.published, listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#removed.add(listener)
  }

  async countAuthors(): Promise<number> {
    const environment = this.#read()
    const { entryCount } = environment.relayLists.getStats() as { readonly entryCount: number }
    return Math.max(await countHeard(environment, (action) => this.#write(action)), entryCount)
  }

  async stats(): Promise<StoreStats> {
    const { meta } = this.#read()
    return { authors: meta.get('authors') ?? 0, packages: meta.get('packages') ?? 0 }
  }

  close(): Promise<void> {
    this.#changes.stop()
    this.#closed ??= this.#punctual.settled().then(() => this.#environment.root.close())
    return this.#closed
  }

  /** The same as `#write`, and tells the listeners of every process what `changesOf` names. */
  async #change<Result>(
    action: (transaction: Transaction) => Result,
    changesOf: (result: Result) => Change[],
    { throws, undo }: WriteSettings<Result> = {},
  ): Promise<Result> {
    const { result } = await this.#write(
      (transaction) => {
        const result = action(transaction)
        const changes = changesOf(result)
        this.#changes.record(changes)
        return { result, changes }
      },
      {
        throws,
        undo: undo && ((transaction, { result }) => undo(transaction, result)),
        committed: ({ changes }) => {
          for (const change of changes) this.#changes.tell(change)
        },
      },
    )
    return result
  }

  async #write<Result>(
    action: (transaction: Transaction) => Result,
    { throws, undo, committed }: WriteSettings<Result> = {},
  ): Promise<Result> {
    this.#requireOpen()
    return this.#punctual.run(
      async (attempt) => {
        const { result, removals } = await write(this.#environment, action, attempt, throws)
        if (removals.length > 0) this.#removed.tell(removals)
        committed?.(result)
        return result
      },
      // Nobody waits for it. If it fails, packages stay spent, which is safe (I1).
      (result) => write(this.#environment, (transaction) => undo?.(transaction, result), PATIENT),
    )
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
