/** One write transaction: authors' records, and the totals that change with them. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { dueAt, removalsOf, unneededEvents } from '../../../plugin/stock/bookkeeping.ts'
import { sizeOf } from '../../../plugin/stock/selection.ts'
import { EMPTY_STOCK, type Removed, type Stock } from '../../../plugin/stock/stock.ts'
import { type Removal, StoreError } from '../../../plugin/store.ts'
import { type Environment, FORMAT, type StoredStock } from './environment.ts'
import { hourOf } from './keys.ts'
import type { Attempt } from './punctual.ts'

/** For `save` by callers that do not know `retireAfterSeconds`: a sweep may visit an author early, never late. */
export const RETIRES_AT_ONCE = 0

/** The result of a committed action, and the packages it removed from stocks other than by claims. */
interface Written<Result> {
  readonly result: Result
  readonly removals: readonly Removal[]
}

/** Runs an action like `write`, and notifies the listeners for removals. */
export type Write = <Result>(action: (transaction: Transaction) => Result) => Promise<Result>

/** How an action behaves that throws: it has not written yet, or what it has written must be undone. */
export type Throws = 'before it writes' | 'at any time'

/**
 * Runs `action` in a transaction and resolves once it is on disk (I6, see `openRoot`). Reads in it see what every
 * process has committed, because LMDB has one writer at a time. It is a part of the transaction that all writes of
 * this event loop turn share; one that may throw at any time is a child of it, so that only its own writes are undone. (A child
 * makes a claim take twice as long.) If the attempt is late by the time the transaction begins, it does nothing.
 * @throws StoreError if it could not be committed, or is late; then nothing has changed
 */
export async function write<Result>(
  environment: Environment,
  action: (transaction: Transaction) => Result,
  attempt: Attempt,
  throws: Throws = 'at any time',
): Promise<Written<Result>> {
  const run = () => {
    if (attempt.isLate) return undefined
    const transaction = new Transaction(environment)
    const result = action(transaction)
    transaction.saveTotals()
    return { result, removals: transaction.removals }
  }
  try {
    const { root } = environment
    const written = await (throws === 'at any time' ? root.childTransaction(run) : root.transaction(run))
    if (written === undefined) throw new StoreError('the LMDB store was locked for too long')
    return written
  } catch (error) {
    if (error instanceof StoreError) throw error
    const cause = await causeOf(error)
    throw new StoreError(`the LMDB store could not commit: ${cause}`, { cause })
  }
}

export class Transaction {
  readonly tables: Environment
  readonly removals: Removal[] = []
  #authors = 0
  #packages = 0
  #heard = 0

  constructor(tables: Environment) {
    this.tables = tables
  }

  /** Keeps earlier versions from opening the store. For writes that they would misunderstand. */
  useFormat(): void {
    const { meta } = this.tables
    if (meta.get('format') !== FORMAT) meta.put('format', FORMAT)
  }

  /** Writes the new stock of an author, and schedules its next sweep. */
  save(
    author: Pubkey,
    before: StoredStock | undefined,
    stock: Stock | undefined,
    retireAfterSeconds: number,
    now: number,
  ): void {
    if (stock === undefined) return
    this.saveClaimed(author, before, stock, retireAfterSeconds, now)
    for (const id of unneededEvents(before ?? EMPTY_STOCK, stock)) this.tables.packages.remove([author, id])
  }

  /**
   * The same for a claim, which leaves obsolete events to the next sweep: they are on other pages than the stock, and
   * removing them would make the claim slower.
   */
  saveClaimed(
    author: Pubkey,
    before: StoredStock | undefined,
    stock: Stock | undefined,
    retireAfterSeconds: number,
    now: number,
  ): void {
    if (stock === undefined) return
    const dueHour = this.#schedule(author, before, dueAt(stock, retireAfterSeconds), now)
    const old = before ?? EMPTY_STOCK
    if (stock === old && dueHour === before?.dueHour) return
    const { packages } = stock
    const { dueHour: _, ...rest }: StoredStock = stock
    this.tables.authors.put(author, dueHour === undefined ? rest : { ...rest, dueHour })
    if (before === undefined) this.#heard += 1
    this.#packages += sizeOf(packages) - sizeOf(old.packages)
    this.#authors += Math.sign(packages.length) - Math.sign(old.packages.length)
  }

  /** Collects removed packages for the listeners. */
  remove(author: Pubkey, removed: readonly Removed[]): void {
    this.removals.push(...removalsOf(author, removed))
  }

  /** Nothing is left to keep of an author. */
  forget(author: Pubkey): void {
    this.tables.authors.remove(author)
    this.#heard -= 1
  }

  saveTotals(): void {
    this.#add('authors', this.#authors)
    this.#add('packages', this.#packages)
    // Where it was never counted, it will be (`countHeard`).
    if (this.#heard !== 0 && this.tables.meta.get('heard') !== undefined) this.#add('heard', this.#heard)
  }

  /** The hour of the author's `due` entry. Entries of past hours do not count: the sweep removes them. */
  #schedule(
    author: Pubkey,
    before: StoredStock | undefined,
    dueAt: number | undefined,
    now: number,
  ): number | undefined {
    const pending =
      before?.dueHour !== undefined && before.dueHour >= hourOf(now) ? before.dueHour : undefined
    if (dueAt === undefined) return pending
    const hour = hourOf(dueAt)
    if (pending !== undefined && pending <= hour) return pending
    this.tables.due.put([hour, author, ''], '')
    return hour
  }

  #add(total: 'authors' | 'packages' | 'heard', change: number): void {
    if (change !== 0) this.tables.meta.put(total, (this.tables.meta.get(total) ?? 0) + change)
  }
}

/** lmdb-js reports the reason of a failed commit in a separate promise. Unhandled, it would end the process (I7). */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError }: { commitError?: Promise<never> } = Object(error)
  try {
    await commitError
    return error
  } catch (cause) {
    return cause
  }
}
