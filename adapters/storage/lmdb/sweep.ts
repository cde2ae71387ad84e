/** Removes from an LMDB store what nothing needs any more, a piece in each transaction, so that nobody waits long for the lock. */

import type { RangeOptions } from 'lmdb'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { heardOf, rememberedIds } from '../../../plugin/stock/bookkeeping.ts'
import { type Stock, sweep } from '../../../plugin/stock/stock.ts'
import { isOver } from '../../../plugin/stock/windows.ts'
import { chunks } from './chunks.ts'
import type { DueKey, Environment, WindowKey } from './environment.ts'
import { hourOf, LAST } from './keys.ts'
import type { Transaction, Write } from './transaction.ts'

/** Most `due` entries, and so authors, in one transaction. */
const DUE_CHUNK = 100
/** Most windows that are looked at before other work gets its turn. */
const WINDOW_CHUNK = 1000

/** Settles every author who has something due. Resolves to how many packages went. */
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

/** Removes the windows in which nothing is left. */
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
  for (const key of keys) clear(transaction, key, now)
  for (const author of new Set(keys.map(([, author]) => author))) {
    gone += settleAuthor(transaction, author, retireAfterSeconds, now)
  }
  return gone
}

/** Takes an entry off the list once nothing under it can still become due, and with it what is known of its package. */
function clear({ tables: { due, known } }: Transaction, key: DueKey, now: number): void {
  const [hour, author, name] = key
  if (name === '') {
    if (hour < hourOf(now)) due.remove(key)
    return
  }
  const ref = due.get(key)
  if (ref === undefined || !isOver(known.get([author, name]) ?? now, now)) return
  known.remove([author, name])
  // Another event may have brought the same KeyPackage since, for longer.
  if (ref !== '' && isOver(known.get([author, ref]) ?? now, now)) known.remove([author, ref])
  due.remove(key)
}

/** Returns how many of the author's packages went. */
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
  if (heardOf(after, somethingKnown === undefined ? 0 : 1) === undefined) authors.remove(author)
  return removed.length
}

/** Removes the events that claims have left (`saveClaimed`). */
function removeOrphans({ tables: { packages } }: Transaction, author: Pubkey, stock: Stock): void {
  const remembered = rememberedIds(stock)
  const stored = [...packages.getKeys({ start: [author, ''], end: [author, LAST] })]
  for (const key of stored) if (!remembered.has(key[1])) packages.remove(key)
}
