/** Looks through all of an LMDB store, and remembers what another store has spent (`MovableStore`). */

import type { RangeOptions } from 'lmdb'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { EMPTY_STOCK, spend } from '../../../plugin/stock/stock.ts'
import type { AuthorRelayList, KnownName } from '../../../plugin/store.ts'
import { chunks } from './chunks.ts'
import type { Environment, WindowKey } from './environment.ts'
import { hourOf, LAST } from './keys.ts'
import { RETIRES_AT_ONCE, type Transaction } from './transaction.ts'

const CHUNK = 1000

export async function* everyAuthor({ authors }: Environment): AsyncGenerator<Pubkey> {
  const all = (options: RangeOptions): Iterable<Pubkey | WindowKey> => authors.getKeys(options)
  for await (const keys of chunks(all, CHUNK)) yield* keys.filter((key) => typeof key === 'string')
}

export async function* everyRelayList({ relayLists }: Environment): AsyncGenerator<AuthorRelayList> {
  for await (const authors of chunks((options) => relayLists.getKeys(options), CHUNK)) {
    for (const author of authors) yield { author, ...relayLists.get(author) }
  }
}

export function namesOf({ known }: Environment, author: Pubkey, now: number): KnownName[] {
  const range = known.getRange({ start: [author, ''], end: [author, LAST] })
  const names = range.map(({ key: [, name], value }) => ({ name, expiresAt: value }))
  return [...names.filter(({ expiresAt }) => expiresAt > now)]
}

export function spendNames(
  transaction: Transaction,
  author: Pubkey,
  names: readonly KnownName[],
  now: number,
): void {
  const { authors, known, due } = transaction.tables
  for (const { name, expiresAt } of names) {
    if ((known.get([author, name]) ?? 0) >= expiresAt) continue
    known.put([author, name], expiresAt)
    due.put([hourOf(expiresAt), author, name], '')
  }
  const record = authors.get(author)
  // As long as something is known of an author, there is a record.
  if (record === undefined) authors.put(author, EMPTY_STOCK)
  const spent = names.map(({ name }) => name)
  const { stock, removed } = spend(record ?? EMPTY_STOCK, spent, now)
  transaction.save(author, record, stock, RETIRES_AT_ONCE, now)
  transaction.remove(author, removed)
}
