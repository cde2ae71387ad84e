/** The contents of a store as records that another store can import: what `export` writes and `import` reads. */

import { deliveredEvent, type StoredEvent } from './key-package/encoding.ts'
import type { Pubkey, SignedEvent } from './nostr/messages.ts'
import { isSlot } from './stock/selection.ts'
import { namesOf } from './stock/twins.ts'
import type {
  AccessRule,
  AuthorRelayList,
  ChangedInformation,
  Deletions,
  Exposure,
  KnownName,
  MovableStore,
  StockedPackage,
} from './store.ts'

/**
 * - `event`: a stored key package, with its exposure if it has one, or a relay list; as its author signed it.
 * - `spent`: names of packages that are not accepted again before they expire (seconds since the epoch, I3).
 * - `deleted`: what the author has deleted, and is not accepted if it arrives later (NIP-09, NIP-62).
 * - `deletedRelayList`: relay lists of the author and kind created until then are not accepted again (NIP-09).
 * - `access`: somebody is banned or allowed, at run time; what the settings say is no part of a store.
 * - `information`: what operators have changed of what the relay says about itself.
 */
export type StoreRecord =
  | { readonly event: SignedEvent; readonly exposure?: Exposure }
  | { readonly spent: SpentNames }
  | { readonly deleted: DeletedByAuthor }
  | { readonly deletedRelayList: DeletedRelayList }
  | { readonly access: AccessRule }
  | { readonly information: ChangedInformation }

/** Until when an author's relay lists of one kind are deleted, in seconds since the epoch. */
interface DeletedRelayList {
  readonly author: Pubkey
  readonly kind: number
  readonly createdUntil: number
}

/** Names of an author's spent packages that expire at the same time. */
export interface SpentNames {
  readonly author: Pubkey
  readonly names: readonly KnownName['name'][]
  readonly expiresAt: number
}

/** The deletions that are remembered of an author. */
interface DeletedByAuthor extends Deletions {
  readonly author: Pubkey
}

/** How many authors are read at once. */
const BATCH_SIZE = 100

/**
 * Everything in a store, except what expires soon anyway: quota windows, and claims that could be repeated or released.
 * Each author is read consistently. Expired packages are left out.
 * @param now seconds since the epoch
 */
export async function* recordsIn(store: MovableStore, now: number): AsyncGenerator<StoreRecord> {
  for await (const authors of inBatches(store.authors(), BATCH_SIZE)) {
    const batch = await Promise.all(authors.map((author) => recordsOfAuthor(store, author, now)))
    for (const records of batch) yield* records
  }
  for await (const relayList of store.relayLists()) yield* recordsOfRelayList(relayList)
  for (const access of await store.accessRules()) yield { access }
  const information = await store.information()
  if (Object.keys(information).length > 0) yield { information }
}

/** The packages of an author, and what is remembered of them. Their relay lists are no part of it. */
export async function recordsOfAuthor(
  store: MovableStore,
  author: Pubkey,
  now: number,
): Promise<StoreRecord[]> {
  // The order matters: what is claimed between the two reads is then spent, and what is published is not.
  const { names, deletions } = await store.remembered(author, now)
  const packages = await store.list(author, now)
  const stored = await Promise.all(packages.map(({ read }) => read()))
  // Slots come first: then no import takes their aliases for one-time packages.
  const events = packages
    .map((pkg, index) => ({ pkg, stored: stored[index] }))
    .sort((a, b) => Number(isSlot(b.pkg)) - Number(isSlot(a.pkg)))
    .flatMap(({ pkg, stored }) => recordOf(stored, pkg.exposure))
  return [...events, ...spentIn(author, names, packages), ...recordOfDeletions(author, deletions)]
}

function recordOf(stored: StoredEvent | undefined, exposure: Exposure | undefined): StoreRecord[] {
  if (stored === undefined) return []
  const event = deliveredEvent(stored, 'as-published')
  return [exposure === undefined ? { event } : { event, exposure }]
}

function recordOfDeletions(author: Pubkey, deletions: Deletions): StoreRecord[] {
  const { ids, slots, everything } = deletions
  if (ids.length === 0 && slots.length === 0 && everything === undefined) return []
  return [{ deleted: { author, ...deletions } }]
}

/** Names that are known but not in the stock. The names of one package expire together, so they stay together. */
function spentIn(
  author: Pubkey,
  known: readonly KnownName[],
  packages: readonly StockedPackage[],
): StoreRecord[] {
  const inStock = new Set(packages.flatMap((pkg) => [...namesOf(pkg).map(({ name }) => name), pkg.ref]))
  const spent = known.filter(({ name }) => !inStock.has(name))
  const byExpiry = new Map<number, KnownName['name'][]>()
  for (const { name, expiresAt } of spent) {
    byExpiry.set(expiresAt, [...(byExpiry.get(expiresAt) ?? []), name])
  }
  return [...byExpiry].map(([expiresAt, names]) => ({ spent: { author, names: names.sort(), expiresAt } }))
}

function recordsOfRelayList({ author, kind, event, deletedUntil }: AuthorRelayList): StoreRecord[] {
  return [
    ...(deletedUntil === undefined
      ? []
      : [{ deletedRelayList: { author, kind, createdUntil: deletedUntil } }]),
    ...(event === undefined ? [] : [{ event }]),
  ]
}

/** Splits a long sequence into batches of `size` items; the last may be smaller. */
export async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
