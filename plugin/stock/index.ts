/**
 * What a store's author needs: the rules of one author's stock, as pure functions. Either over one record, which a store
 * reads, has changed, and writes (`putPackage`, `claimPackages` and their like), or over its parts, where a store keeps those
 * apart (`offer`, `claim` and their like). `examples/store` is a store written with them.
 */

export { deleteRelayList, type KnownRelayList, offerRelayList } from '../lifecycle/known-relay-list.ts'
export { Listeners } from '../listeners.ts'
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
  listNames,
  listPackages,
  putPackage,
  type RecordChange,
  releasePackages,
  spendPackages,
  sweepDueAt,
  sweepPackages,
} from './record.ts'
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
  type Window,
} from './windows.ts'
