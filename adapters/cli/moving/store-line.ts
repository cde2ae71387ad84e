/** Puts into the store what a checked line of an import says. */

import { type Audit, publishEntry } from '../../../plugin/audit.ts'
import {
  deletionOf,
  followListsNamed,
  relayListsNamed,
  TOO_MANY_DELETIONS,
  VANISH_KIND,
  vanishesHere,
  vanishingOf,
} from '../../../plugin/lifecycle/deletion.ts'
import { RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { hostOf } from '../../../plugin/nostr/auth.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { Options } from '../../../plugin/options.ts'
import { NO_DELETIONS } from '../../../plugin/stock/deletions.ts'
import {
  INFORMATION_FIELDS,
  type MovableStore,
  type PutOutcome,
  type StoredKeyPackage,
} from '../../../plugin/store.ts'
import type { SpentNames } from '../../../plugin/store-records.ts'
import type { CheckedLine } from './check-line.ts'

const UNASKED = 'a store limited what was put without a limit'

/**
 * - of `PutOutcome`: a key package, and what the store did with it.
 * - `expired`: it was valid when it was published.
 * - `relayList`: it is now the author's relay list of its kind.
 * - `remembered`: what it lists as spent or deleted does not come back.
 * - `access`: whom it names is banned, or allowed, here too.
 * - `information`: the relay says the same about itself here.
 * - `ignored`: an event of another kind.
 * - `empty`: no line at all.
 * - `invalid`: refused, for the reason.
 */
export type ImportOutcome =
  | Exclude<PutOutcome, 'limited' | 'unheard'>
  | 'expired'
  | 'relayList'
  | 'remembered'
  | 'access'
  | 'information'
  | 'ignored'
  | 'empty'

/** What became of a line, and the key package that it held. */
export type ImportedLine =
  | { readonly outcome: ImportOutcome; readonly pkg?: StoredKeyPackage }
  | { readonly outcome: 'invalid'; readonly reason: string }

export interface ImportTarget extends Pick<Options, 'kinds' | 'stock' | 'publicUrl'> {
  readonly store: Pick<
    MovableStore,
    | 'put'
    | 'remember'
    | 'drop'
    | 'putRelayList'
    | 'getRelayLists'
    | 'dropRelayLists'
    | 'dropFollowLists'
    | 'putAccessRule'
    | 'putInformation'
  >
  /** Gets an entry, without a requester, for each key package that is stored or known already. */
  readonly audit: Audit
}

/**
 * @param now seconds since the epoch
 * @throws StoreError
 */
export async function storeLine(target: ImportTarget, line: CheckedLine, now: number): Promise<ImportedLine> {
  switch (line.to) {
    case 'refused':
      return { outcome: 'invalid', reason: line.reason }
    case 'nothing':
      return { outcome: line.because }
    case 'record':
      return { outcome: await storeRecord(target, line.record, now) }
    case 'relay list':
      return { outcome: await storeRelayList(target, line.event, now) }
    case 'deletion':
      return storeDeletion(target, line, now)
    case 'key package':
      return { outcome: await storePackage(target, line.pkg, now), pkg: line.pkg }
  }
}

async function storeRecord(
  { store }: ImportTarget,
  record: Extract<CheckedLine, { to: 'record' }>['record'],
  now: number,
): Promise<ImportOutcome> {
  if ('spent' in record) return storeSpent(store, record.spent, now)
  if ('deletedRelayList' in record) {
    const { author, kind, createdUntil } = record.deletedRelayList
    await store.dropRelayLists(author, [kind], createdUntil)
    return 'remembered'
  }
  if ('deleted' in record) {
    const { author, ...deletions } = record.deleted
    await store.remember(author, { names: [], deletions }, now)
    return 'remembered'
  }
  if ('access' in record) {
    await store.putAccessRule(record.access)
    return 'access'
  }
  for (const field of INFORMATION_FIELDS) {
    const value = record.information[field]
    if (value !== undefined) await store.putInformation(field, value)
  }
  return 'information'
}

async function storeSpent(
  store: ImportTarget['store'],
  { author, names, expiresAt }: SpentNames,
  now: number,
): Promise<ImportOutcome> {
  const spent = names.map((name) => ({ name, expiresAt }))
  await store.remember(author, { names: spent, deletions: NO_DELETIONS }, now)
  return 'remembered'
}

/** Applies a deletion or a request to vanish, and remembers it: what it deletes may be on a later line. */
async function storeDeletion(
  { store, kinds, stock, publicUrl = '' }: ImportTarget,
  { event, isSigned }: Extract<CheckedLine, { to: 'deletion' }>,
  now: number,
): Promise<ImportedLine> {
  const vanishes = event.kind === VANISH_KIND
  if (vanishes && !vanishesHere(event, hostOf(publicUrl))) return { outcome: 'ignored' }
  const deletion = vanishes
    ? vanishingOf(event, stock.ttlSeconds)
    : deletionOf(event, kinds, stock.ttlSeconds)
  const relayLists = vanishes
    ? RELAY_LIST_KINDS
    : relayListsNamed(event, await store.getRelayLists([event.pubkey], RELAY_LIST_KINDS))
  const followLists = followListsNamed(event)
  if (deletion === undefined && relayLists.length === 0 && followLists.kinds.length === 0)
    return { outcome: 'ignored' }
  if (!isSigned) return { outcome: 'invalid', reason: 'wrong id or signature' }
  if (relayLists.length > 0) await store.dropRelayLists(event.pubkey, relayLists, event.created_at)
  await store.dropFollowLists(event.pubkey, followLists)
  if (deletion === undefined) return { outcome: 'remembered' }
  const { outcome } = await store.drop(event.pubkey, deletion, now)
  if (outcome === 'deleted') return { outcome: 'remembered' }
  return { outcome: 'invalid', reason: TOO_MANY_DELETIONS }
}

async function storeRelayList(
  { store }: ImportTarget,
  event: SignedEvent,
  now: number,
): Promise<ImportOutcome> {
  const outcome = await store.putRelayList(event, now)
  if (outcome === 'unheard') throw new Error(UNASKED)
  return outcome === 'stored' ? 'relayList' : outcome
}

async function storePackage(
  { store, stock, audit }: ImportTarget,
  pkg: StoredKeyPackage,
  now: number,
): Promise<ImportOutcome> {
  const { max, overflow, retireAfterSeconds } = stock
  const outcome = await store.put(pkg, { max, overflow, retireAfterSeconds }, now)
  if (outcome === 'limited' || outcome === 'unheard') throw new Error(UNASKED)
  if (outcome !== 'full') audit(() => [publishEntry(pkg, outcome, undefined)])
  return outcome
}
