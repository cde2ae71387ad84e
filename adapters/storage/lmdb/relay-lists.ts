/** Relay lists in an LMDB store: put, deleted, and dropped by the sweep once their author has had no packages for long. */

import {
  deleteRelayLists,
  type KnownRelayLists,
  offerRelayList,
  type RelayListOutcome,
  relayListsDueAt,
  sweepRelayLists,
} from '../../../plugin/lifecycle/known-relay-lists.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { counted } from '../../../plugin/stock/bookkeeping.ts'
import { chunks } from './chunks.ts'
import type { DueKey, Environment, StoredRelayLists } from './environment.ts'
import { hourOf } from './keys.ts'
import type { Transaction, Write } from './transaction.ts'

/** Instead of a package's name in keys of the `due` table. */
export const LISTS = 'relay-lists'

const CHUNK = 1000

export function putList(
  transaction: Transaction,
  event: SignedEvent,
  now: number,
  newAuthors: 'report' | undefined,
): RelayListOutcome {
  const before = transaction.tables.relayLists.get(event.pubkey)
  const { dueHour, ...known } = before ?? {}
  const { lists, outcome } = offerRelayList(known, event, now, newAuthors)
  transaction.useFormat()
  if (outcome === 'stored') save(transaction, event.pubkey, lists, dueHour, relayListsDueAt(lists, now))
  return outcome
}

export function dropLists(
  transaction: Transaction,
  author: Pubkey,
  kinds: readonly number[],
  createdUntil: number,
): void {
  const { dueHour, ...known } = transaction.tables.relayLists.get(author) ?? {}
  transaction.useFormat()
  const lists = deleteRelayLists(known, kinds, createdUntil)
  save(transaction, author, lists, dueHour, relayListsDueAt(lists, createdUntil))
}

/** Entries of other hours than the lists say are left from before; they are only removed. */
export function visitLists({ tables }: Transaction, key: DueKey, now: number): void {
  const { authors, relayLists, due } = tables
  const [hour, author] = key
  if (hour > hourOf(now)) return
  due.remove(key)
  const { dueHour, ...known } = relayLists.get(author) ?? {}
  if (dueHour !== hour) return
  const { lists, dueAt } = sweepRelayLists(known, counted(authors.get(author), now) ?? 0, now)
  if (lists === undefined) relayLists.remove(author)
  else schedule(tables, author, lists, Math.max(hourOf(dueAt), hourOf(now) + 1))
}

/** Schedules the lists that earlier versions have stored, once. */
export async function scheduleOldLists(environment: Environment, write: Write, now: number): Promise<void> {
  if (environment.meta.get('listsDue') !== undefined) return
  for await (const authors of chunks((options) => environment.relayLists.getKeys(options), CHUNK)) {
    await write(({ tables }) => {
      for (const author of authors) {
        const { dueHour, ...lists } = tables.relayLists.get(author) ?? {}
        if (dueHour === undefined) schedule(tables, author, lists, hourOf(now))
      }
    })
  }
  await write(({ tables: { meta } }) => void meta.put('listsDue', 1))
}

function save(
  { tables }: Transaction,
  author: Pubkey,
  lists: KnownRelayLists,
  dueHour: number | undefined,
  dueAt: number,
): void {
  if (dueHour === undefined || hourOf(dueAt) < dueHour) schedule(tables, author, lists, hourOf(dueAt))
  else tables.relayLists.put(author, { ...lists, dueHour })
}

function schedule(
  { relayLists, due }: Environment,
  author: Pubkey,
  lists: KnownRelayLists,
  dueHour: number,
): void {
  const stored: StoredRelayLists = { ...lists, dueHour }
  relayLists.put(author, stored)
  due.put([dueHour, author, LISTS], '')
}
