/**
 * The API for writing a store, from least work to most control. `rowStore`: a complete store on a database that can read
 * and write rows. `putPackage`, `claimPackages` and so on: the rules for one record per author, which the store reads and
 * writes. `offer`, `claim` and so on: the same rules for a store that keeps the parts of that record separately.
 */

export type { KeyPackageRef } from '../key-package/decode.ts'
export type { ContentForm, StoredEvent } from '../key-package/encoding.ts'
export type {
  Following,
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../lifecycle/follow-list.ts'
export {
  deleteFollowLists,
  type FollowingAuthor,
  followingIn,
  type KnownFollowList,
  type KnownFollowLists,
  offerFollowList,
} from '../lifecycle/known-follow-lists.ts'
export {
  deleteRelayLists,
  everyKnownKind,
  type KnownRelayList,
  type KnownRelayLists,
  offerRelayList,
  RELAY_LISTS_DELETED_SECONDS,
  RELAY_LISTS_KEPT_SECONDS,
  type RelayListOutcome,
  relayListsDueAt,
  relayListsIn,
  type SweptRelayLists,
  sweepRelayLists,
} from '../lifecycle/known-relay-lists.ts'
export { Listeners } from '../listeners.ts'
export type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
export type * from '../store.ts'
export { StoreError } from '../store.ts'
export {
  counted,
  dueAt,
  heardOf,
  isLow,
  isTakenIn,
  listed,
  neededEvents,
  rememberedDeletions,
  removalsOf,
  unneededEvents,
} from './bookkeeping.ts'
export { type Claimed, claim } from './claim.ts'
export { MAX_DELETED_IDS, MAX_DELETED_SLOTS } from './deletions.ts'
export type { Delivery } from './deliveries.ts'
export { namesAskedOf, type Offered, offer } from './offer.ts'
export {
  type AuthorRecord,
  claimPackages,
  countPackages,
  dropPackages,
  isHeardOf,
  listPackages,
  listRemembered,
  putPackage,
  type RecordChange,
  rankPackages,
  releasePackages,
  rememberPackages,
  sweepDueAt,
  sweepPackages,
} from './record.ts'
export { type Decided, type Row, type Rows, type RowTables, rowStore } from './rows.ts'
export { isFresh, isOneTime, isSlot, sizeOf } from './selection.ts'
export {
  drop,
  EMPTY_STOCK,
  type KnownUntil,
  type Removed,
  rank,
  release,
  remember,
  type Stock,
  type StockChange,
  sweep,
} from './stock.ts'
export type { Take, Taker } from './strangers.ts'
export { namesOf, refNameOf } from './twins.ts'
export {
  type ChangedWindows,
  hit,
  isOver,
  type KeptWindow,
  refund,
  uncountClaim,
  type Window,
  type WindowName,
  type WindowOf,
  windowsOf,
} from './windows.ts'
