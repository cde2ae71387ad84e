/** `keypackage-gateway/client`: key packages for apps, in Node.js and browsers, on nostr-tools and ts-mls. */

import './runtime.ts'

export { restoreSignedEvent } from '../../plugin/key-package/restore.ts'
export type { Exposure } from '../../plugin/nostr/machine-readable.ts'
export type { ClaimOutcome } from './claim.ts'
export {
  KeyPackageClient,
  type NewKeyPackage,
  type PublishedKeyPackage,
  type QueryOverride,
  type RelayOverride,
} from './client.ts'
export {
  createDeleteKeyPackageEvent,
  createKeyPackageEvent,
  createSlotId,
  getKeyPackage,
  getKeyPackageBytes,
  type KeyPackageEventSettings,
} from './events.ts'
export {
  defaultCapabilities,
  ensureMarmotCapabilities,
  type GenerateSettings,
  generateKeyPackage,
  keyPackageDefaultExtensions,
} from './generate.ts'
export type { Generation } from './generation.ts'
export { type LowStockListener, listenForLowStock } from './low-stock-signal.ts'
export {
  type CompleteKeyPackage,
  calculateKeyPackageRef,
  identityOf,
  isLastResort,
  type KeyPackageLike,
  type ReadKeyPackage,
  readKeyPackage,
} from './mls.ts'
export type { Stock, StockCount, StockedKeyPackage } from './owner.ts'
export type { Publication, PublishOutcome, RelayResult } from './publish.ts'
export type { KeyPackageAnswer, KeyPackageResult, RetrySettings } from './query.ts'
export {
  createKeyPackageRelayListEvent,
  type Discovery,
  getKeyPackageRelayList,
  getWriteRelays,
  isValidKeyPackageRelayListEvent,
} from './relay-lists.ts'
export type { LowStockRequest, Replenish } from './replenish.ts'
export { restoreKeyPackage, type SerialisedKeyPackage, serialiseKeyPackage } from './serialise.ts'
export type { Ask, KeyPackageClientSettings } from './settings.ts'
export type { AuthorStatistics, Statistics } from './statistics.ts'
export { systemTime, type Time } from './time.ts'
export type { ReceivedKeyPackage, RejectedEvent } from './verify.ts'
export type { WebSocketClass } from './web-socket.ts'
