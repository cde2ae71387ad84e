/** Reads an entire LMDB store for an export, and takes over what another store remembers (`MovableStore`). */

import type { RangeOptions } from 'lmdb'
import { everyKnownKind } from '../../../plugin/lifecycle/known-relay-lists.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { rememberedDeletions } from '../../../plugin/stock/bookkeeping.ts'
import { remember } from '../../../plugin/stock/stock.ts'
import { isOver } from '../../../plugin/stock/windows.ts'
import type { AuthorRelayList, KnownName, Remembered } from '../../../plugin/store.ts'
import { chunks } from './chunks.ts'
import type { Environment, WindowKey } from './environment.ts'
import { markFollowing } from './follow-lists.ts'
import { hourOf, LAST } from './keys.ts'
import { RETIRES_AT_ONCE, type Transaction, type Write } from './transaction.ts'

const CHUNK = 1000

/** @param read returns the tables; throws once they are closed, which may happen on the way */
export async function* everyAuthor(read: () => Environment): AsyncGenerator<Pubkey> {
  const all = (options: RangeOptions): Iterable<Pubkey | WindowKey> => read().authors.getKeys(options)
  for await (const keys of chunks(all, CHUNK)) yield* keys.filter((key) => typeof key === 'string')
}

/** How many authors are heard of. Counted once in a store of an earlier version, so what changes meanwhile may be missed. */
export async function countHeard(environment: Environment, write: Write): Promise<number> {
  const known = environment.meta.get('heard')
  if (known !== undefined) return known
  let heard = 0
  for await (const _ of everyAuthor(() => environment)) heard += 1
  await write(({ tables: { meta } }) => void meta.put('heard', heard))
  return heard
}

export async function* everyRelayList({ relayLists }: Environment): AsyncGenerator<AuthorRelayList> {
  for await (const authors of chunks((options) => relayLists.getKeys(options), CHUNK)) {
    for (const author of authors) {
      const { dueHour: _, ...lists } = relayLists.get(author) ?? {}
      for (const known of everyKnownKind(lists)) yield { author, ...known }
    }
  }
}

export function rememberedOf({ authors, known }: Environment, author: Pubkey, now: number): Remembered {
  const range = known.getRange({ start: [author, ''], end: [author, LAST] })
  const names = range.map(({ key: [, name], value }) => ({ name, expiresAt: value }))
  return {
    names: [...names.filter(({ expiresAt }) => !isOver(expiresAt, now))],
    deletions: rememberedDeletions(authors.get(author), now),
  }
}

export function rememberOf(
  transaction: Transaction,
  author: Pubkey,
  remembered: Remembered,
  now: number,
): void {
  const { authors, known, due } = transaction.tables
  transaction.useFormat()
  const record = authors.get(author)
  const knownUntil = (name: KnownName['name']) => known.get([author, name])
  const { stock, names, removed } = remember(record, remembered, knownUntil, now)
  for (const { name, expiresAt } of names) {
    known.put([author, name], expiresAt)
    due.put([hourOf(expiresAt), author, name], '')
  }
  transaction.save(author, record, stock, RETIRES_AT_ONCE, now)
  transaction.remove(author, removed)
  markFollowing(transaction, author, stock, now)
}
