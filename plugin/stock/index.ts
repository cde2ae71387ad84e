/**
 * What the author of a store needs, from the least work to the most freedom. `rowStore`: a whole store over a database that
 * can read and write rows. `putPackage`, `claimPackages` and their like: the rules over one record of an author, which the
 * store reads and writes. `offer`, `claim` and their like: the same over the parts of it, where a store keeps those apart.
 */

export type { ContentForm, StoredEvent } from '../key-package/encoding.ts'
export type { KeyPackageRef } from '../key-package/mls.ts'
export { deleteRelayList, type KnownRelayList, offerRelayList } from '../lifecycle/known-relay-list.ts'
export { Listeners } from '../listeners.ts'
export type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
export type * from '../store.ts'
export { StoreError } from '../store-error.ts'
export { type Choice, type Claimed, claim } from './claim.ts'
export type { Delivery } from './deliveries.ts'
export {
  counted,
  dueAt,
  forgotten,
  heardOf,
  isLow,
  isTakenIn,
  listed,
  rememberedIds,
  removalsOf,
} from './keeping.ts'
export { type Offered, offer } from './offer.ts'
export {
  type AuthorRecord,
  claimPackages,
  countPackages,
  dropPackages,
  isHeardOf,
  listNames,
  listPackages,
  putPackage,
  type RecordChange,
  releasePackages,
  spendPackages,
  sweepDueAt,
  sweepPackages,
} from './record.ts'
export { type Decided, type Row, type Rows, type RowTables, rowStore } from './rows.ts'
export { isFresh, isSlot } from './selection.ts'
export {
  drop,
  EMPTY_STOCK,
  type KnownUntil,
  type Removed,
  release,
  type Stock,
  type StockChange,
  spend,
  sweep,
} from './stock.ts'
export {
  type ClaimWindows,
  type CountedWindows,
  hit,
  isOver,
  type KeptWindow,
  type Limited,
  refund,
  type Window,
} from './windows.ts'
