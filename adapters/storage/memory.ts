/** A store in this process's memory: the reference that the others are compared with. Nothing survives a restart. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { Listeners } from '../../plugin/listeners.ts'
import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import type { Removed } from '../../plugin/stock/changes.ts'
import {
  drop,
  EMPTY_STOCK,
  expire,
  isLow,
  release,
  type Stock,
  spend,
  sweep,
} from '../../plugin/stock/stock.ts'
import { hit, type KeptWindow } from '../../plugin/stock/windows.ts'
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
  StockedPackage,
  StockLimits,
  StoredKeyPackage,
  StoreStats,
} from '../../plugin/store.ts'
import { StoreError } from '../../plugin/store-error.ts'
import { type Author, forgetExpired, hasNoWindow, isForgotten, kept, unknownAuthor } from './memory/author.ts'
import { claimFrom, putInto } from './memory/packages.ts'
import { RelayLists } from './memory/relay-lists.ts'

/** How many entries a sweep looks at before other work gets its turn. */
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
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  #isClosed = false

  async put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    this.#requireOpen()
    const author = this.#authors.get(pkg.author) ?? unknownAuthor()
    const { outcome, removed } = putInto(author, pkg, limits, now)
    if (outcome === 'stored' || outcome === 'replaced') {
      this.#authors.set(pkg.author, author)
      this.#published.tell(pkg.author, pkg.id)
    }
    this.#tellRemoved(pkg.author, removed)
    return outcome
  }

  async claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    this.#requireOpen()
    return claims.map((request) => this.#claimOne(request, policy, now))
  }

  async list(author: Pubkey, now: number): Promise<ListedPackage[]> {
    this.#requireOpen()
    return stored(expire(this.#stock(author), now).packages).map((pkg) => this.#listed(pkg))
  }

  async count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]> {
    this.#requireOpen()
    return authors.map((pubkey) => {
      const author = this.#authors.get(pubkey)
      if (author === undefined || isForgotten(author)) return undefined
      return expire(author.stock, now).packages.length
    })
  }

  async drop(pubkey: Pubkey, which: Selector, now: number): Promise<number> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey)
    if (author === undefined) return 0
    const { stock, dropped, removed } = drop(author.stock, which, now)
    author.stock = stock
    this.#tellRemoved(pubkey, removed)
    return dropped
  }

  async release(pubkey: Pubkey, ids: readonly string[], now: number): Promise<void> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey)
    if (author === undefined) return
    const { stock, removed } = release(author.stock, ids, now)
    author.stock = stock
    this.#tellRemoved(pubkey, removed)
  }

  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    this.#requireOpen()
    let gone = 0
    for await (const [pubkey, author] of inChunks(this.#authors)) {
      const { stock, removed } = sweep(author.stock, retireAfterSeconds, now)
      author.stock = stock
      gone += removed.length
      this.#tellRemoved(pubkey, removed)
      forgetExpired(author, now)
      if (isForgotten(author) && hasNoWindow(author)) this.#authors.delete(pubkey)
    }
    for await (const [key, { keptUntil }] of inChunks(this.#hits)) {
      if (keptUntil <= now) this.#hits.delete(key)
    }
    return gone
  }

  async hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome> {
    this.#requireOpen()
    const before = this.#hits.get(key)?.window ?? []
    const { window, outcome } = hit(before, cost, quota, now)
    if (window !== before) this.#hits.set(key, kept(window, quota, now))
    return outcome
  }

  async putRelayList(event: SignedEvent): Promise<'stored' | 'duplicate' | 'stale'> {
    this.#requireOpen()
    return this.#relayLists.put(event)
  }

  async getRelayLists(authors: readonly Pubkey[]): Promise<(SignedEvent | undefined)[]> {
    this.#requireOpen()
    return authors.map((author) => this.#relayLists.get(author))
  }

  async dropRelayList(author: Pubkey, createdUntil: number): Promise<void> {
    this.#requireOpen()
    this.#relayLists.drop(author, createdUntil)
  }

  async *authors(): AsyncGenerator<Pubkey> {
    this.#requireOpen()
    for await (const [pubkey, author] of inChunks(this.#authors)) if (!isForgotten(author)) yield pubkey
  }

  async known(pubkey: Pubkey, now: number): Promise<KnownName[]> {
    this.#requireOpen()
    const names = [...(this.#authors.get(pubkey)?.known ?? [])]
    return names.map(([name, expiresAt]) => ({ name, expiresAt })).filter(({ expiresAt }) => expiresAt > now)
  }

  async spend(pubkey: Pubkey, names: readonly KnownName[], now: number): Promise<void> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey) ?? unknownAuthor()
    const spent = names.map(({ name }) => name)
    const { stock, removed } = spend(author.stock, spent, now)
    author.stock = stock
    for (const { name, expiresAt } of names) {
      author.known.set(name, Math.max(expiresAt, author.known.get(name) ?? 0))
    }
    this.#authors.set(pubkey, author)
    this.#tellRemoved(pubkey, removed)
  }

  async *relayLists(): AsyncGenerator<AuthorRelayList> {
    this.#requireOpen()
    yield* inChunks(this.#relayLists.all())
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
    this.#requireOpen()
    let authors = 0
    let packages = 0
    for await (const [, { stock }] of inChunks(this.#authors)) {
      authors += Math.sign(stock.packages.length)
      packages += stock.packages.length
    }
    return { authors, packages }
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #claimOne(request: Claim, policy: ClaimPolicy, now: number): ClaimOutcome {
    const author = this.#authors.get(request.author)
    if (author === undefined || isForgotten(author)) return { outcome: 'none' }
    const { choice, removed } = claimFrom(author, request, policy, now)
    this.#tellRemoved(request.author, removed)
    if (choice.outcome !== 'delivered') return choice
    if (isLow(choice, policy.low)) this.#lowStock.tell(request.author, choice.remaining)
    return { ...choice, packages: stored(choice.packages) }
  }

  #tellRemoved(author: Pubkey, removed: readonly Removed[]): void {
    if (removed.length > 0) this.#removed.tell(removed.map((each) => ({ author, ...each })))
  }

  #listed({ event, contentForm, ...pkg }: StoredKeyPackage): ListedPackage {
    const read = async () => {
      this.#requireOpen()
      return { event, contentForm }
    }
    return { ...pkg, read }
  }

  #stock(author: Pubkey): Stock {
    return this.#authors.get(author)?.stock ?? EMPTY_STOCK
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new StoreError('the memory store is closed')
  }
}

/** `put` gives the rules whole packages, and they hand back what they were given, so here each has its event. */
function stored(packages: readonly StockedPackage[]): StoredKeyPackage[] {
  return packages as readonly StockedPackage[] as StoredKeyPackage[]
}

async function* inChunks<Entry>(entries: Iterable<Entry>): AsyncGenerator<Entry> {
  let seen = 0
  for (const entry of entries) {
    if (++seen % SWEEP_CHUNK === 0) await nextTurn()
    yield entry
  }
}
