/** Reads an entire LMDB store for an export, and records what another store has spent (`MovableStore`). */

import type { RangeOptions } from 'lmdb'
import { everyKnownKind } from '../../../plugin/lifecycle/known-relay-lists.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { spend } from '../../../plugin/stock/stock.ts'
import { isOver } from '../../../plugin/stock/windows.ts'
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
    for (const author of authors) {
      for (const known of everyKnownKind(relayLists.get(author) ?? {})) yield { author, ...known }
    }
  }
}

export function namesOf({ known }: Environment, author: Pubkey, now: number): KnownName[] {
  const range = known.getRange({ start: [author, ''], end: [author, LAST] })
  const names = range.map(({ key: [, name], value }) => ({ name, expiresAt: value }))
  return [...names.filter(({ expiresAt }) => !isOver(expiresAt, now))]
}

export function spendNames(
  transaction: Transaction,
  author: Pubkey,
  spent: readonly KnownName[],
  now: number,
): void {
  const { authors, known, due } = transaction.tables
  const record = authors.get(author)
  const { stock, names, removed } = spend(record, spent, (name) => known.get([author, name]), now)
  for (const { name, expiresAt } of names) {
    known.put([author, name], expiresAt)
    due.put([hourOf(expiresAt), author, name], '')
  }
  transaction.save(author, record, stock, RETIRES_AT_ONCE, now)
  transaction.remove(author, removed)
}
