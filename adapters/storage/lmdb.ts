/** A store in an LMDB environment: durable, and shared by every process on the machine that opens the same path. */

import { deleteRelayList, offerRelayList } from '../../plugin/lifecycle/known-relay-list.ts'
import { Listeners } from '../../plugin/listeners.ts'
import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { claim, drop, EMPTY_STOCK, expire, isLow, offer, release } from '../../plugin/stock.ts'
import type {
  AuthorRelayList,
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KnownName,
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
import { hit } from '../../plugin/window.ts'
import { type Environment, openEnvironment, type WindowKey } from './lmdb/environment.ts'
import { hourOf, keyPart } from './lmdb/keys.ts'
import { everyAuthor, everyRelayList, namesOf, spendNames } from './lmdb/moving.ts'
import { sweepDue, sweepWindows } from './lmdb/sweep.ts'
import { RETIRES_AT_ONCE, type Transaction, type Write, write } from './lmdb/transaction.ts'

/**
 * Opens the store in the directory `path`, and makes it where there is none.
 * @throws StoreError saying what to do when it cannot be opened
 */
export function lmdbStore({ path }: { readonly path: string }): MovableStore {
  return new LmdbStore(openEnvironment(path))
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
    if (outcome === 'stored' || outcome === 'replaced') this.#published.tell(pkg.author, pkg.id)
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

  async list(author: Pubkey, now: number): Promise<StoredKeyPackage[]> {
    const { authors, packages } = this.#read()
    return expire(authors.get(author) ?? EMPTY_STOCK, now).packages.map((pkg) =>
      withEvent(packages, author, pkg),
    )
  }

  async count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]> {
    const tables = this.#read()
    return authors.map((author) => {
      const record = tables.authors.get(author)
      return record === undefined ? undefined : expire(record, now).packages.length
    })
  }

  drop(author: Pubkey, which: Selector, now: number): Promise<number> {
    return this.#write((transaction) => {
      const record = transaction.tables.authors.get(author)
      if (record === undefined) return 0
      const { stock, dropped, removed } = drop(record, which, now)
      transaction.save(author, record, stock, RETIRES_AT_ONCE, now)
      transaction.remove(author, removed)
      return dropped
    })
  }

  release(author: Pubkey, ids: readonly string[], now: number): Promise<void> {
    return this.#write((transaction) => {
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
      const before = windows.get(name)?.window ?? []
      const { window, outcome } = hit(before, cost, quota, now)
      if (window !== before) windows.put(name, { window, keptUntil: now + quota.windowSeconds })
      return outcome
    })
  }

  putRelayList(event: SignedEvent): Promise<'stored' | 'duplicate' | 'stale'> {
    return this.#write(({ tables: { relayLists } }) => {
      const before = relayLists.get(event.pubkey) ?? {}
      const { known, outcome } = offerRelayList(before, event)
      if (outcome === 'stored') relayLists.put(event.pubkey, known)
      return outcome
    })
  }

  async getRelayLists(authors: readonly Pubkey[]): Promise<(SignedEvent | undefined)[]> {
    const { relayLists } = this.#read()
    return authors.map((author) => relayLists.get(author)?.event)
  }

  dropRelayList(author: Pubkey, createdUntil: number): Promise<void> {
    return this.#write(({ tables: { relayLists } }) => {
      relayLists.put(author, deleteRelayList(relayLists.get(author) ?? {}, createdUntil))
    })
  }

  async *authors(): AsyncGenerator<Pubkey> {
    yield* everyAuthor(this.#read())
  }

  async known(author: Pubkey, now: number): Promise<KnownName[]> {
    return namesOf(this.#read(), author, now)
  }

  spend(author: Pubkey, names: readonly KnownName[], now: number): Promise<void> {
    return this.#write((transaction) => spendNames(transaction, author, names, now))
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

  /** lmdb-js keeps its snapshot for a whole turn; another process may have committed since. */
  #read(): Environment {
    this.#requireOpen()
    this.#environment.root.resetReadTxn()
    return this.#environment
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw new StoreError('the LMDB store is closed')
  }
}

function put(transaction: Transaction, pkg: StoredKeyPackage, limits: StockLimits, now: number): PutOutcome {
  const { authors, packages, known, windows, due } = transaction.tables
  const { author, event, contentForm, ...row } = pkg
  const { id, ref, expiresAt } = row
  const record = authors.get(author)
  const publishedKey: WindowKey = [author, 'published', '']
  const before = windows.get(publishedKey)?.window ?? []
  const isKnown = [id, ref].some((name) => (known.get([author, name]) ?? now) > now)
  const { stock, published, outcome, removed } = offer(
    record ?? EMPTY_STOCK,
    before,
    row,
    isKnown,
    limits,
    now,
  )
  if (limits.publish !== undefined && published !== before) {
    windows.put(publishedKey, { window: published, keptUntil: now + limits.publish.windowSeconds })
  }
  if (outcome === 'stored' || outcome === 'replaced') packages.put([author, id], { event, contentForm })
  if (outcome === 'stored' || outcome === 'replaced' || outcome === 'stale') {
    known.put([author, id], expiresAt)
    known.put([author, ref], expiresAt)
    due.put([hourOf(expiresAt), author, id], ref)
  }
  transaction.save(author, record, stock, limits.retireAfterSeconds, now)
  transaction.remove(author, removed)
  return outcome
}

function claimOne(transaction: Transaction, request: Claim, policy: ClaimPolicy, now: number): ClaimOutcome {
  const { authors, packages, windows } = transaction.tables
  const { author } = request
  const record = authors.get(author)
  if (record === undefined) return { outcome: 'none' }
  const requesterKey: WindowKey = [author, 'requester', keyPart(request.requester)]
  const addressKey: WindowKey = [author, 'address', keyPart(request.address)]
  const before = {
    requester: windows.get(requesterKey)?.window ?? [],
    address: windows.get(addressKey)?.window ?? [],
  }
  const { stock, windows: after, choice, removed } = claim(record, before, request, policy, now)
  if (choice.outcome === 'limited') return choice

  transaction.saveClaimed(author, record, stock, policy.retireAfterSeconds, now)
  transaction.remove(author, removed)
  windows.put(requesterKey, { window: after.requester, keptUntil: now + policy.perAuthor.windowSeconds })
  windows.put(addressKey, { window: after.address, keptUntil: now + policy.perAddress.windowSeconds })
  if (choice.outcome === 'none') return choice
  return { ...choice, packages: choice.packages.map((pkg) => withEvent(packages, author, pkg)) }
}

function withEvent(packages: Environment['packages'], author: Pubkey, pkg: StockedPackage): StoredKeyPackage {
  const body = packages.get([author, pkg.id])
  if (body === undefined) throw new StoreError(`the event of key package ${pkg.id} is missing`)
  return { ...pkg, author, ...body }
}
