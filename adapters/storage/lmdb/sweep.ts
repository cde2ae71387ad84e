/** Removes obsolete data from an LMDB store, in small transactions so that other writers do not wait long for the lock. */

import type { RangeOptions } from 'lmdb'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { heardOf, neededEvents } from '../../../plugin/stock/bookkeeping.ts'
import { type Stock, sweep } from '../../../plugin/stock/stock.ts'
import { isOver } from '../../../plugin/stock/windows.ts'
import { chunks } from './chunks.ts'
import { type DueKey, type Environment, FOLLOWED, type WindowKey } from './environment.ts'
import { hourOf, LAST } from './keys.ts'
import { LISTS, visitLists } from './relay-lists.ts'
import type { Transaction, Write } from './transaction.ts'

/** Maximum number of `due` entries, and therefore authors, per transaction. */
const DUE_CHUNK = 100
/** Maximum number of windows visited before yielding to the event loop. */
const WINDOW_CHUNK = 1000

/** Sweeps every author with a `due` entry. Resolves to the number of removed packages. */
export async function sweepDue(
  environment: Environment,
  write: Write,
  retireAfterSeconds: number,
  now: number,
): Promise<number> {
  let gone = 0
  const dueNow = (options: RangeOptions) => environment.due.getKeys({ ...options, end: [hourOf(now) + 1] })
  for await (const keys of chunks(dueNow, DUE_CHUNK)) {
    gone += await write((transaction) => visit(transaction, keys, retireAfterSeconds, now))
  }
  return gone
}

/** Removes the windows whose records have all expired. */
export async function sweepWindows(environment: Environment, write: Write, now: number): Promise<void> {
  const { authors, windows } = environment
  const all = (options: RangeOptions): Iterable<Pubkey | WindowKey> => authors.getKeys(options)
  const isDone = (key: WindowKey) => isOver(windows.get(key)?.keptUntil ?? now + 1, now)
  for await (const keys of chunks(all, WINDOW_CHUNK)) {
    const over = keys.filter((key) => typeof key !== 'string').filter(isDone)
    if (over.length === 0) continue
    await write(() => {
      for (const key of over) if (isDone(key)) windows.remove(key)
    })
  }
}

function visit(
  transaction: Transaction,
  keys: readonly DueKey[],
  retireAfterSeconds: number,
  now: number,
): number {
  let gone = 0
  for (const key of keys) if (key[2] !== LISTS) clear(transaction, key, now)
  for (const author of new Set(keys.map(([, author]) => author))) {
    gone += settleAuthor(transaction, author, retireAfterSeconds, now)
  }
  for (const key of keys) if (key[2] === LISTS) visitLists(transaction, key, now)
  return gone
}

/** Removes a `due` entry once it is over, together with the `known` entries of its package. */
function clear({ tables: { due, known } }: Transaction, key: DueKey, now: number): void {
  const [hour, author, name] = key
  if (name === '') {
    if (hour < hourOf(now)) due.remove(key)
    return
  }
  const ref = due.get(key)
  if (ref === undefined || !isOver(known.get([author, name]) ?? now, now)) return
  known.remove([author, name])
  // Another event with the same KeyPackage and a later expiry may have been published since.
  if (ref !== '' && isOver(known.get([author, ref]) ?? now, now)) known.remove([author, ref])
  due.remove(key)
}

/** Returns how many of the author's packages were removed. */
function settleAuthor(
  transaction: Transaction,
  author: Pubkey,
  retireAfterSeconds: number,
  now: number,
): number {
  const { authors, known } = transaction.tables
  const before = authors.get(author)
  if (before === undefined) return 0
  const { stock: after, removed } = sweep(before, retireAfterSeconds, now)
  transaction.save(author, before, after, retireAfterSeconds, now)
  transaction.remove(author, removed)
  removeOrphans(transaction, author, after)
  const [somethingKnown] = known.getKeys({ start: [author, ''], end: [author, LAST], limit: 1 })
  if (heardOf(after, somethingKnown === undefined ? 0 : 1) === undefined) transaction.forget(author)
  return removed.length
}

/** Removes the events that claims have left behind (`saveClaimed`), and the follow lists of an author without packages. */
function removeOrphans({ tables: { packages } }: Transaction, author: Pubkey, stock: Stock): void {
  const needed: Set<string> = neededEvents(stock)
  if (stock.packages.length > 0) needed.add(FOLLOWED)
  const stored = [...packages.getKeys({ start: [author, ''], end: [author, LAST] })]
  for (const key of stored) if (!needed.has(key[1])) packages.remove(key)
}
