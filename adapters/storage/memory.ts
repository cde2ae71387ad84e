/** A store in the memory of this process, lost at restart. The reference that tests compare other stores with. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeyPackageRef } from '../../plugin/key-package/decode.ts'
import type {
  Following,
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../../plugin/lifecycle/follow-list.ts'
import { followingIn } from '../../plugin/lifecycle/known-follow-lists.ts'
import type { RelayListOutcome } from '../../plugin/lifecycle/known-relay-lists.ts'
import { Listeners } from '../../plugin/listeners.ts'
import type { EventId, Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { counted, isLow, isTakenIn, listed, removalsOf } from '../../plugin/stock/bookkeeping.ts'
import { sizeOf } from '../../plugin/stock/selection.ts'
import type { Removed } from '../../plugin/stock/stock.ts'
import { hit, isOver, type KeptWindow, refund } from '../../plugin/stock/windows.ts'
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
  type Deletion,
  type DropOutcome,
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
import { Author } from './memory/author.ts'
import { RelayLists } from './memory/relay-lists.ts'

/** How many entries a sweep visits before it yields to the event loop. */
const SWEEP_CHUNK = 1000

/** Opens an empty store. It is not durable: I6 does not hold for it. */
export function memoryStore(): MovableStore {
  return new MemoryStore()
}

class MemoryStore implements MovableStore {
  readonly durable = false
  readonly #authors = new Map<Pubkey, Author>()
  readonly #hits = new Map<string, KeptWindow>()
  readonly #relayLists = new RelayLists()
  /** By list and subject. */
  readonly #accessRules = new Map<string, AccessRule>()
  readonly #access = new Listeners<Parameters<AccessListener>>()
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  readonly #rotationDue = new Listeners<Parameters<RotationDueListener>>()
  #url: string | undefined
  #information: ChangedInformation = {}
  #isClosed = false

  async put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    this.#requireOpen()
    const author = this.#authors.get(pkg.author) ?? new Author()
    const { outcome, removed } = author.put(pkg, limits, now)
    if (!author.isEmpty) this.#authors.set(pkg.author, author)
    if (isTakenIn(outcome)) this.#published.tell(pkg.author, pkg.id)
    this.#tellRemoved(pkg.author, removed)
    return outcome
  }

  async claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    this.#requireOpen()
    return claims.map((request) => this.#claimOne(request, policy, now))
  }

  async list(author: Pubkey, now: number): Promise<ListedPackage[]> {
    this.#requireOpen()
    return listed(this.#authors.get(author)?.stock, now).map((pkg) => this.#listed(pkg))
  }

  async count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]> {
    this.#requireOpen()
    return authors.map((author) => counted(this.#authors.get(author)?.stock, now))
  }

  async drop(pubkey: Pubkey, deletion: Deletion, now: number): Promise<DropOutcome> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey) ?? new Author()
    const { outcome, removed } = author.drop(deletion, now)
    if (!author.isEmpty) this.#authors.set(pubkey, author)
    this.#tellRemoved(pubkey, removed)
    return outcome
  }

  async release(author: Pubkey, ids: readonly string[], now: number, counted?: CountedClaim): Promise<void> {
    this.#requireOpen()
    this.#tellRemoved(author, this.#authors.get(author)?.release(ids, now, counted) ?? [])
  }

  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    this.#requireOpen()
    let gone = 0
    for await (const [pubkey, author] of inChunks(this.#authors)) {
      const removed = author.sweep(retireAfterSeconds, now)
      gone += removed.length
      this.#tellRemoved(pubkey, removed)
      if (author.isEmpty) this.#authors.delete(pubkey)
    }
    for await (const [key, { keptUntil }] of inChunks(this.#hits)) {
      if (isOver(keptUntil, now)) this.#hits.delete(key)
    }
    for await (const pubkey of inChunks(this.#relayLists.authors())) {
      this.#relayLists.sweep(pubkey, counted(this.#authors.get(pubkey)?.stock, now) ?? 0, now)
    }
    return gone
  }

  async hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome> {
    this.#requireOpen()
    const { window, outcome } = hit(this.#hits.get(key), cost, quota, now)
    if (window !== undefined) this.#hits.set(key, window)
    return outcome
  }

  async refund(key: string, cost: number, quota: Quota, now: number): Promise<void> {
    this.#requireOpen()
    const window = refund(this.#hits.get(key), cost, quota, now)
    if (window === undefined) this.#hits.delete(key)
    else this.#hits.set(key, window)
  }

  async putRelayList(event: SignedEvent, now: number, newAuthors?: 'report'): Promise<RelayListOutcome> {
    this.#requireOpen()
    return this.#relayLists.put(event, now, newAuthors)
  }

  async getRelayLists(authors: readonly Pubkey[], kinds: readonly number[]): Promise<SignedEvent[]> {
    this.#requireOpen()
    return authors.flatMap((author) => this.#relayLists.get(author, kinds))
  }

  async dropRelayLists(author: Pubkey, kinds: readonly number[], createdUntil: number): Promise<void> {
    this.#requireOpen()
    this.#relayLists.drop(author, kinds, createdUntil)
  }

  async putFollowList(list: FollowList): Promise<FollowListOutcome> {
    this.#requireOpen()
    return this.#authors.get(list.author)?.putFollowList(list) ?? 'no packages'
  }

  async follows(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Following> {
    this.#requireOpen()
    return followingIn(this.#authors.get(author)?.followLists, pubkeys)
  }

  async dropFollowLists(author: Pubkey, deletion: FollowListDeletion): Promise<void> {
    this.#requireOpen()
    this.#authors.get(author)?.dropFollowLists(deletion)
  }

  async putAccessRule(rule: AccessRule): Promise<void> {
    this.#requireOpen()
    this.#accessRules.set(`${rule.list} ${rule.subject}`, rule)
    this.#access.tell()
  }

  async dropAccessRule(list: AccessList, subject: string): Promise<'removed' | 'missing'> {
    this.#requireOpen()
    if (!this.#accessRules.delete(`${list} ${subject}`)) return 'missing'
    this.#access.tell()
    return 'removed'
  }

  async accessRules(): Promise<AccessRule[]> {
    this.#requireOpen()
    return [...this.#accessRules.values()]
  }

  async putInformation(field: InformationField, value: string): Promise<void> {
    this.#requireOpen()
    this.#information = { ...this.#information, [field]: value }
  }

  async information(): Promise<ChangedInformation> {
    this.#requireOpen()
    return this.#information
  }

  async keepUrl(ifNone: string): Promise<string> {
    this.#requireOpen()
    this.#url ??= ifNone
    return this.#url
  }

  async changeUrl(url: string): Promise<void> {
    this.#requireOpen()
    this.#url = url
  }

  async rank(pubkey: Pubkey, ranks: ReadonlyMap<EventId, string>): Promise<void> {
    this.#requireOpen()
    this.#authors.get(pubkey)?.rank(ranks)
  }

  async *authors(): AsyncGenerator<Pubkey> {
    this.#requireOpen()
    for await (const [pubkey, author] of inChunks(this.#authors)) if (author.stock !== undefined) yield pubkey
  }

  async remembered(pubkey: Pubkey, now: number): Promise<Remembered> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey) ?? new Author()
    return author.remembered(now)
  }

  async remember(pubkey: Pubkey, remembered: Remembered, now: number): Promise<void> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey) ?? new Author()
    const removed = author.remember(remembered, now)
    if (!author.isEmpty) this.#authors.set(pubkey, author)
    this.#tellRemoved(pubkey, removed)
  }

  async *relayLists(): AsyncGenerator<AuthorRelayList> {
    this.#requireOpen()
    yield* inChunks(this.#relayLists.all())
  }

  onAccessChanged(listener: AccessListener): () => void {
    return this.#access.add(listener)
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#lowStock.add(listener)
  }

  async tellRotationDue(author: Pubkey, slot: KeyPackageRef): Promise<void> {
    this.#requireOpen()
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
    this.#requireOpen()
    return Math.max(this.#authors.size, this.#relayLists.size)
  }

  async stats(): Promise<StoreStats> {
    this.#requireOpen()
    let authors = 0
    let packages = 0
    for await (const [, { stock }] of inChunks(this.#authors)) {
      const count = sizeOf(stock?.packages ?? [])
      authors += Math.sign(count)
      packages += count
    }
    return { authors, packages }
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #claimOne(request: Claim, policy: ClaimPolicy, now: number): ClaimOutcome {
    const author = this.#authors.get(request.author)
    if (author === undefined) return request.limited ?? { outcome: 'none' }
    const { choice, removed } = author.claim(request, policy, now)
    this.#tellRemoved(request.author, removed)
    if (isLow(choice, policy.low)) this.#lowStock.tell(request.author, choice.remaining)
    return choice
  }

  #tellRemoved(author: Pubkey, removed: readonly Removed[]): void {
    if (removed.length > 0) this.#removed.tell(removalsOf(author, removed))
  }

  #listed({ event, contentForm, ...pkg }: StoredKeyPackage): ListedPackage {
    const read = async () => {
      this.#requireOpen()
      return { event, contentForm }
    }
    return { ...pkg, read }
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new StoreError('the memory store is closed')
  }
}

async function* inChunks<Entry>(entries: Iterable<Entry>): AsyncGenerator<Entry> {
  let seen = 0
  for (const entry of entries) {
    if (++seen % SWEEP_CHUNK === 0) await nextTurn()
    yield entry
  }
}
