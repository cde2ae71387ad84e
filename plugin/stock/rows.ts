/** A complete store on rows of JSON, for a database that can read rows and write them back atomically. */

import type { KeyPackageRef } from '../key-package/decode.ts'
import type { StoredEvent } from '../key-package/encoding.ts'
import type {
  Following,
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../lifecycle/follow-list.ts'
import {
  deleteFollowLists,
  followingIn,
  type KnownFollowLists,
  offerFollowList,
} from '../lifecycle/known-follow-lists.ts'
import {
  deleteRelayLists,
  everyKnownKind,
  type KnownRelayLists,
  offerRelayList,
  type RelayListOutcome,
  relayListsIn,
  sweepRelayLists,
} from '../lifecycle/known-relay-lists.ts'
import { Listeners } from '../listeners.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
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
  type Removal,
  type RemovedListener,
  type RotationDueListener,
  type StockLimits,
  type StoredKeyPackage,
  StoreError,
  type StoreStats,
} from '../store.ts'
import { isLow, isTakenIn, removalsOf } from './bookkeeping.ts'
import {
  type AuthorRecord,
  claimPackages,
  countPackages,
  dropPackages,
  isHeardOf,
  listPackages,
  listRemembered,
  putPackage,
  type RecordChange,
  rankPackages,
  releasePackages,
  rememberPackages,
  sweepPackages,
} from './record.ts'
import { sizeOf } from './selection.ts'
import { hit, isOver, type KeptWindow, refund } from './windows.ts'

/**
 * The value type of each table. Keys are author pubkeys, any text for `windows` and `access`, and plain words for `store`. All
 * values are plain data.
 */
export interface RowTables {
  readonly authors: AuthorRecord
  readonly windows: KeptWindow
  readonly relayLists: KnownRelayLists
  readonly followLists: KnownFollowLists
  readonly access: AccessRule
  /** The store's URL, and each field of `ChangedInformation`. */
  readonly store: string
}

/** A row's value; undefined if there is no row, or if it is to be deleted. */
export type Row<Table extends keyof RowTables> = RowTables[Table] | undefined

/** The result of a decision, with the rows in the order given. A row that is the same object as before need not be written. */
export interface Decided<Table extends keyof RowTables, Result> {
  readonly after: readonly Row<Table>[]
  readonly result: Result
}

/** What `rowStore` needs from a database. A method that fails rejects and changes nothing. */
export interface Rows {
  /** Whether a resolved `update` survives a crash (I6). */
  readonly durable: boolean
  /** The rows of these keys, in the same order. */
  read<Table extends keyof RowTables>(table: Table, keys: readonly string[]): Promise<Row<Table>[]>
  /**
   * Calls `decide` with the rows of these keys (each key once), replaces them by `after`, all or nothing, and resolves to
   * `result`. Nobody may write these rows in between, in this process or another. Either lock them, or compare them with
   * what was read when writing, and call `decide` again if they have changed.
   */
  update<Table extends keyof RowTables, Result>(
    table: Table,
    keys: readonly string[],
    decide: (before: Row<Table>[]) => Decided<Table, Result>,
  ): Promise<Result>
  /** Every key of a table that has a row, in any order. */
  keys(table: keyof RowTables): AsyncIterable<string> | Iterable<string>
  /** Finishes pending operations. Called once. */
  close(): Promise<void>
}

const URL_KEY = 'url'

/** A store that keeps all its data in `rows`. Listeners are called only for changes made by this process. */
export function rowStore(rows: Rows): MovableStore {
  return new RowStore(rows)
}

class RowStore implements MovableStore {
  readonly durable: boolean
  readonly #rows: Rows
  readonly #access = new Listeners<Parameters<AccessListener>>()
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  readonly #rotationDue = new Listeners<Parameters<RotationDueListener>>()
  #closed: Promise<void> | undefined

  constructor(rows: Rows) {
    this.#rows = rows
    this.durable = rows.durable
  }

  async put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    const outcome = await this.#change(pkg.author, (record) => putPackage(record, pkg, limits, now))
    if (isTakenIn(outcome)) this.#published.tell(pkg.author, pkg.id)
    return outcome
  }

  async claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    const authors = [...new Set(claims.map(({ author }) => author))]
    const { outcomes, removals } = await this.#open().update('authors', authors, (before) => {
      const records = new Map(authors.map((author, index) => [author, before[index]]))
      const changes = claims.map((request) => {
        const change = claimPackages(records.get(request.author), request, policy, now)
        records.set(request.author, change.record)
        return { outcome: change.outcome, removals: removalsOf(request.author, change.removed) }
      })
      const outcomes = changes.map(({ outcome }) => outcome)
      const result = { outcomes, removals: changes.flatMap(({ removals }) => removals) }
      return { after: [...records.values()], result }
    })
    this.#tell(removals)
    for (const [index, { author }] of claims.entries()) {
      const outcome = outcomes[index]
      if (outcome !== undefined && isLow(outcome, policy.low)) this.#lowStock.tell(author, outcome.remaining)
    }
    return outcomes
  }

  async list(author: Pubkey, now: number): Promise<ListedPackage[]> {
    const packages = listPackages(await this.#read('authors', author), now)
    return packages.map(({ event, contentForm, ...pkg }) => ({
      ...pkg,
      read: () => this.#event(author, pkg.id),
    }))
  }

  async count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]> {
    const records = await this.#open().read('authors', authors)
    return records.map((record) => countPackages(record, now))
  }

  drop(author: Pubkey, deletion: Deletion, now: number): Promise<DropOutcome> {
    return this.#change(author, (record) => dropPackages(record, deletion, now))
  }

  release(author: Pubkey, ids: readonly string[], now: number, counted?: CountedClaim): Promise<void> {
    return this.#change(author, (record) => releasePackages(record, ids, now, counted))
  }

  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    let gone = 0
    for await (const author of this.#open().keys('authors')) {
      gone += await this.#change(author, (record) => sweepPackages(record, retireAfterSeconds, now))
    }
    for await (const author of this.#open().keys('followLists')) await this.#forgetFollowed(author)
    for await (const key of this.#open().keys('windows')) {
      await this.#open().update('windows', [key], ([window]) => {
        const isDone = window !== undefined && isOver(window.keptUntil, now)
        return { after: [isDone ? undefined : window], result: undefined }
      })
    }
    for await (const author of this.#open().keys('relayLists')) {
      const packages = countPackages(await this.#read('authors', author), now) ?? 0
      await this.#open().update('relayLists', [author], ([before = {}]) => {
        return { after: [sweepRelayLists(before, packages, now).lists], result: undefined }
      })
    }
    return gone
  }

  async hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome> {
    return this.#open().update('windows', [key], ([before]) => {
      const { window, outcome } = hit(before, cost, quota, now)
      return { after: [window], result: outcome }
    })
  }

  async refund(key: string, cost: number, quota: Quota, now: number): Promise<void> {
    return this.#open().update('windows', [key], ([before]) => {
      return { after: [refund(before, cost, quota, now)], result: undefined }
    })
  }

  async putRelayList(event: SignedEvent, now: number, newAuthors?: 'report'): Promise<RelayListOutcome> {
    return this.#open().update('relayLists', [event.pubkey], ([before]) => {
      const { lists, outcome } = offerRelayList(before ?? {}, event, now, newAuthors)
      return { after: [outcome === 'stored' ? lists : before], result: outcome }
    })
  }

  async getRelayLists(authors: readonly Pubkey[], kinds: readonly number[]): Promise<SignedEvent[]> {
    const known = await this.#open().read('relayLists', authors)
    return known.flatMap((lists) => relayListsIn(lists, kinds))
  }

  async dropRelayLists(author: Pubkey, kinds: readonly number[], createdUntil: number): Promise<void> {
    return this.#open().update('relayLists', [author], ([before = {}]) => {
      return { after: [deleteRelayLists(before, kinds, createdUntil)], result: undefined }
    })
  }

  async putFollowList(list: FollowList): Promise<FollowListOutcome> {
    const record = await this.#read('authors', list.author)
    return this.#open().update('followLists', [list.author], ([before]) => {
      const { known, outcome } = offerFollowList(before, list, record)
      return { after: [known], result: outcome }
    })
  }

  async follows(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Following> {
    return followingIn(await this.#read('followLists', author), pubkeys)
  }

  async dropFollowLists(author: Pubkey, deletion: FollowListDeletion): Promise<void> {
    const record = await this.#read('authors', author)
    return this.#open().update('followLists', [author], ([before]) => {
      return { after: [deleteFollowLists(before, deletion, record)], result: undefined }
    })
  }

  async putAccessRule(rule: AccessRule): Promise<void> {
    const key = `${rule.list} ${rule.subject}`
    await this.#open().update('access', [key], () => ({ after: [rule], result: undefined }))
    this.#access.tell()
  }

  async dropAccessRule(list: AccessList, subject: string): Promise<'removed' | 'missing'> {
    const key = `${list} ${subject}`
    const rule = await this.#open().update('access', [key], ([before]) => ({
      after: [undefined],
      result: before,
    }))
    if (rule === undefined) return 'missing'
    this.#access.tell()
    return 'removed'
  }

  async accessRules(): Promise<AccessRule[]> {
    const keys: string[] = []
    for await (const key of this.#open().keys('access')) keys.push(key)
    const rules = await this.#open().read('access', keys)
    return rules.filter((rule) => rule !== undefined)
  }

  async keepUrl(ifNone: string): Promise<string> {
    return this.#open().update('store', [URL_KEY], ([before]) => {
      const url = before ?? ifNone
      return { after: [url], result: url }
    })
  }

  async changeUrl(url: string): Promise<void> {
    return this.#open().update('store', [URL_KEY], () => ({ after: [url], result: undefined }))
  }

  async putInformation(field: InformationField, value: string): Promise<void> {
    return this.#open().update('store', [field], () => ({ after: [value], result: undefined }))
  }

  async information(): Promise<ChangedInformation> {
    return changedInformation(await this.#open().read('store', INFORMATION_FIELDS))
  }

  rank(author: Pubkey, ranks: ReadonlyMap<EventId, string>): Promise<void> {
    return this.#change(author, (record) => rankPackages(record, ranks))
  }

  async *authors(): AsyncGenerator<Pubkey> {
    for await (const author of this.#open().keys('authors')) {
      if (isHeardOf(await this.#read('authors', author))) yield author
    }
  }

  async remembered(author: Pubkey, now: number): Promise<Remembered> {
    return listRemembered(await this.#read('authors', author), now)
  }

  remember(author: Pubkey, remembered: Remembered, now: number): Promise<void> {
    return this.#change(author, (record) => rememberPackages(record, remembered, now))
  }

  async *relayLists(): AsyncGenerator<AuthorRelayList> {
    for await (const author of this.#open().keys('relayLists')) {
      const lists = await this.#read('relayLists', author)
      for (const known of everyKnownKind(lists ?? {})) yield { author, ...known }
    }
  }

  onAccessChanged(listener: AccessListener): () => void {
    return this.#access.add(listener)
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#lowStock.add(listener)
  }

  async tellRotationDue(author: Pubkey, slot: KeyPackageRef): Promise<void> {
    this.#open()
    this.#rotationDue.tell(author, slot)
  }

  onRotationDue(listener: RotationDueListener): () => void {
    return this.#rotationDue.add(listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#published.add(listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#removed.add(listener)
  }

  async countAuthors(): Promise<number> {
    let [known, listed] = [0, 0]
    for await (const _ of this.#open().keys('authors')) known += 1
    for await (const _ of this.#open().keys('relayLists')) listed += 1
    return Math.max(known, listed)
  }

  async stats(): Promise<StoreStats> {
    let [authors, packages] = [0, 0]
    for await (const author of this.#open().keys('authors')) {
      const count = sizeOf((await this.#read('authors', author))?.packages ?? [])
      authors += Math.sign(count)
      packages += count
    }
    return { authors, packages }
  }

  close(): Promise<void> {
    this.#closed ??= this.#rows.close()
    return this.#closed
  }

  async #change<Outcome>(
    author: Pubkey,
    decide: (record: AuthorRecord | undefined) => RecordChange<Outcome>,
  ): Promise<Outcome> {
    const { outcome, removed } = await this.#open().update('authors', [author], ([before]) => {
      const { record, outcome, removed } = decide(before)
      return { after: [record], result: { outcome, removed } }
    })
    this.#tell(removalsOf(author, removed))
    return outcome
  }

  async #forgetFollowed(author: Pubkey): Promise<void> {
    const record = await this.#read('authors', author)
    if (record !== undefined && record.packages.length > 0) return
    await this.#open().update('followLists', [author], () => ({ after: [undefined], result: undefined }))
  }

  #tell(removals: readonly Removal[]): void {
    if (removals.length > 0) this.#removed.tell(removals)
  }

  async #event(author: Pubkey, id: EventId): Promise<StoredEvent | undefined> {
    const record = await this.#read('authors', author)
    const pkg = record?.packages.find((one) => one.id === id)
    return pkg && { event: pkg.event, contentForm: pkg.contentForm }
  }

  async #read<Table extends keyof RowTables>(table: Table, key: string): Promise<Row<Table>> {
    const [row] = await this.#open().read(table, [key])
    return row
  }

  #open(): Rows {
    if (this.#closed !== undefined) throw new StoreError('the store is closed')
    return this.#rows
  }
}
