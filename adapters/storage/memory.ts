/** A store in this process's memory: the reference that the others are compared with. Nothing survives a restart. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  deleteRelayList,
  type KnownRelayList,
  offerRelayList,
} from '../../plugin/lifecycle/known-relay-list.ts'
import { Listeners } from '../../plugin/listeners.ts'
import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import {
  claim,
  drop,
  EMPTY_STOCK,
  expire,
  isEmpty,
  isLow,
  offer,
  release,
  type Stock,
  settle,
} from '../../plugin/stock.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KeyPackageStore,
  LowStockListener,
  PublishedListener,
  PutOutcome,
  Quota,
  QuotaOutcome,
  Selector,
  StockedPackage,
  StockLimits,
  StoredKeyPackage,
  StoreStats,
} from '../../plugin/store.ts'
import { StoreError } from '../../plugin/store-error.ts'
import { hit, type KeptWindow, type Window } from '../../plugin/window.ts'

/** How many entries a sweep looks at before other work gets its turn. */
const SWEEP_CHUNK = 1000

/** Opens an empty store. It is not durable: I6 does not hold for it. */
export function memoryStore(): KeyPackageStore {
  return new MemoryStore()
}

/** What is remembered of an author, from the first package until nothing of it matters any more. */
interface Author {
  stock: Stock
  /** Until when each event id and KeyPackageRef is known, in seconds since the epoch (I3). */
  readonly known: Map<string, number>
}

class MemoryStore implements KeyPackageStore {
  readonly durable = false
  readonly #authors = new Map<string, Author>()
  readonly #windows = new Map<string, KeptWindow>()
  readonly #relayLists = new Map<string, KnownRelayList>()
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  #isClosed = false

  async put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome> {
    this.#requireOpen()
    const author = this.#authors.get(pkg.author) ?? { stock: EMPTY_STOCK, known: new Map() }
    const key = `published:${pkg.author}`
    const before = this.#window(key)
    const isKnown = [pkg.id, pkg.ref].some((name) => (author.known.get(name) ?? now) > now)
    const { stock, published, outcome } = offer(author.stock, before, pkg, isKnown, limits, now)
    author.stock = stock
    if (published !== before) this.#keepWindow(key, published, limits.publish, now)
    if (outcome === 'stored' || outcome === 'replaced') {
      author.known.set(pkg.id, pkg.expiresAt).set(pkg.ref, pkg.expiresAt)
      this.#authors.set(pkg.author, author)
      this.#published.tell(pkg.author, pkg.id)
    }
    return outcome
  }

  async claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    this.#requireOpen()
    return claims.map((request) => this.#claimOne(request, policy, now))
  }

  async list(author: Pubkey, now: number): Promise<StoredKeyPackage[]> {
    this.#requireOpen()
    return stored(expire(this.#stock(author), now).packages)
  }

  async count(authors: readonly Pubkey[], now: number): Promise<number[]> {
    this.#requireOpen()
    return authors.map((author) => expire(this.#stock(author), now).packages.length)
  }

  async drop(pubkey: Pubkey, which: Selector, now: number): Promise<number> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey)
    if (author === undefined) return 0
    const { stock, dropped } = drop(author.stock, which, now)
    author.stock = stock
    return dropped
  }

  async release(pubkey: Pubkey, ids: readonly string[], now: number): Promise<void> {
    this.#requireOpen()
    const author = this.#authors.get(pubkey)
    if (author !== undefined) author.stock = release(author.stock, ids, now)
  }

  async sweep(now: number, retireAfterSeconds: number): Promise<number> {
    this.#requireOpen()
    let gone = 0
    for await (const [pubkey, author] of inChunks(this.#authors)) {
      const before = author.stock.packages.length
      author.stock = settle(author.stock, retireAfterSeconds, now)
      gone += before - author.stock.packages.length
      forgetExpired(author.known, now)
      if (author.known.size === 0 && isEmpty(author.stock)) this.#authors.delete(pubkey)
    }
    for await (const [key, { keptUntil }] of inChunks(this.#windows)) {
      if (keptUntil <= now) this.#windows.delete(key)
    }
    return gone
  }

  async hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome> {
    this.#requireOpen()
    const before = this.#window(`hit:${key}`)
    const { window, outcome } = hit(before, cost, quota, now)
    if (window !== before) this.#keepWindow(`hit:${key}`, window, quota, now)
    return outcome
  }

  async putRelayList(event: SignedEvent): Promise<'stored' | 'duplicate' | 'stale'> {
    this.#requireOpen()
    const { known, outcome } = offerRelayList(this.#relayLists.get(event.pubkey) ?? {}, event)
    this.#relayLists.set(event.pubkey, known)
    return outcome
  }

  async getRelayLists(authors: readonly Pubkey[]): Promise<(SignedEvent | undefined)[]> {
    this.#requireOpen()
    return authors.map((author) => this.#relayLists.get(author)?.event)
  }

  async dropRelayList(author: Pubkey, createdUntil: number): Promise<void> {
    this.#requireOpen()
    this.#relayLists.set(author, deleteRelayList(this.#relayLists.get(author) ?? {}, createdUntil))
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#lowStock.add(listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#published.add(listener)
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
    if (author === undefined) return { outcome: 'none' }
    const requesterKey = `requester:${request.author}:${request.requester}`
    const addressKey = `address:${request.author}:${request.address}`
    const before = { requester: this.#window(requesterKey), address: this.#window(addressKey) }
    const { stock, windows, choice } = claim(author.stock, before, request, policy, now)
    if (choice.outcome === 'limited') return choice

    author.stock = stock
    this.#keepWindow(requesterKey, windows.requester, policy.perAuthor, now)
    this.#keepWindow(addressKey, windows.address, policy.perAddress, now)
    if (choice.outcome === 'none') return choice
    if (isLow(choice, policy.low)) this.#lowStock.tell(request.author, choice.remaining)
    return { ...choice, packages: stored(choice.packages) }
  }

  #stock(author: string): Stock {
    return this.#authors.get(author)?.stock ?? EMPTY_STOCK
  }

  #window(key: string): Window {
    return this.#windows.get(key)?.window ?? []
  }

  #keepWindow(key: string, window: Window, { windowSeconds }: Quota, now: number): void {
    this.#windows.set(key, { window, keptUntil: now + windowSeconds })
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new StoreError('the memory store is closed')
  }
}

/** `put` gives the rules whole packages, and they hand back what they were given, so here each has its event. */
function stored(packages: readonly StockedPackage[]): StoredKeyPackage[] {
  return packages as readonly StockedPackage[] as StoredKeyPackage[]
}

function forgetExpired(known: Map<string, number>, now: number): void {
  for (const [name, expiresAt] of known) if (expiresAt <= now) known.delete(name)
}

async function* inChunks<Entry>(entries: Iterable<Entry>): AsyncGenerator<Entry> {
  let seen = 0
  for (const entry of entries) {
    if (++seen % SWEEP_CHUNK === 0) await nextTurn()
    yield entry
  }
}
