/** Removes from an LMDB store what expired, a bounded piece in each transaction, so that nobody waits long for the lock. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database, Key } from 'lmdb'
import type { KeyPackageRef } from '../../../plugin/key-package/mls.ts'
import { settle } from '../../../plugin/stock.ts'
import type { KeptWindow } from '../../../plugin/window.ts'
import type { DueKey, Environment } from './environment.ts'
import { hourOf } from './keys.ts'
import { type Transaction, write } from './transaction.ts'

/** Most `due` entries, and so authors, in one transaction. */
const DUE_CHUNK = 100
/** Most windows that are looked at before other work gets its turn. */
const WINDOW_CHUNK = 1000

interface DueEntry {
  readonly key: DueKey
  readonly value: KeyPackageRef | ''
}

/** Settles every author who has something due. Resolves to how many packages went. */
export async function sweepDue(
  environment: Environment,
  retireAfterSeconds: number,
  now: number,
): Promise<number> {
  let gone = 0
  const end = [hourOf(now) + 1]
  for await (const entries of chunks(environment.due, DUE_CHUNK, end)) {
    gone += await write(environment, (transaction) => visit(transaction, entries, retireAfterSeconds, now))
  }
  return gone
}

/** Removes the windows in which nothing is left. */
export async function sweepWindows<WindowKey extends Key>(
  environment: Environment,
  windows: Database<KeptWindow, WindowKey>,
  now: number,
): Promise<void> {
  const isOver = (window: KeptWindow | undefined) => window !== undefined && window.keptUntil <= now
  for await (const entries of chunks(windows, WINDOW_CHUNK)) {
    const over = entries.filter(({ value }) => isOver(value))
    if (over.length === 0) continue
    await write(environment, () => {
      for (const { key } of over) if (isOver(windows.get(key))) windows.remove(key)
    })
  }
}

function visit(
  transaction: Transaction,
  entries: readonly DueEntry[],
  retireAfterSeconds: number,
  now: number,
): number {
  const { authors } = transaction.tables
  for (const entry of entries) clear(transaction, entry, now)
  let gone = 0
  for (const author of new Set(entries.map(({ key: [, author] }) => author))) {
    const record = authors.get(author)
    if (record === undefined) continue
    const settled = settle(record, retireAfterSeconds, now)
    transaction.save(author, record, settled, retireAfterSeconds, now)
    transaction.forget(author)
    gone += record.packages.length - settled.packages.length
  }
  return gone
}

/** Takes an entry off the list once nothing under it can still become due, and with it what is known of its package. */
function clear({ tables: { due, known } }: Transaction, { key, value: ref }: DueEntry, now: number): void {
  const [hour, author, id] = key
  if (id === '') {
    if (hour < hourOf(now)) due.remove(key)
    return
  }
  if ((known.get([author, id]) ?? now) > now) return
  known.remove([author, id])
  known.remove([author, ref])
  due.remove(key)
}

/** All entries of a table in pieces, none of which holds a snapshot of the database open. */
async function* chunks<Value, EntryKey extends Key>(
  table: Database<Value, EntryKey>,
  limit: number,
  end?: Key,
): AsyncGenerator<{ key: EntryKey; value: Value }[]> {
  let options = { limit, ...(end !== undefined && { end }) }
  for (;;) {
    const entries = [...table.getRange(options)]
    const last = entries.at(-1)
    if (last === undefined) return
    yield entries
    options = { ...options, ...{ start: last.key, exclusiveStart: true } }
    await nextTurn()
  }
}
