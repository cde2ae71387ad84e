/** `keypackage-gateway/client`: key packages for apps, in Node.js and browsers, on nostr-tools and ts-mls. */

import './runtime.ts'

export { restoreSignedEvent } from '../../plugin/key-package/restore.ts'
export type { Exposure } from '../../plugin/nostr/machine-readable.ts'
export {
  KeyPackageClient,
  type NewKeyPackage,
  type PublishedKeyPackage,
  type RelayOverride,
} from './client.ts'
export {
  createDeleteKeyPackageEvent,
  createKeyPackageEvent,
  getKeyPackage,
  getKeyPackageBytes,
  type KeyPackageEventSettings,
} from './events.ts'
export { type LowStockListener, listenForLowStock } from './low-stock-signal.ts'
export {
  type CompleteKeyPackage,
  calculateKeyPackageRef,
  defaultCapabilities,
  ensureMarmotCapabilities,
  type GenerateSettings,
  generateKeyPackage,
  identityOf,
  type KeyPackageLike,
  keyPackageDefaultExtensions,
  type ReadKeyPackage,
  readKeyPackage,
} from './mls.ts'
export type { Stock, StockCount, StockedKeyPackage } from './owner.ts'
export type { Publication, RelayMessage } from './publish.ts'
export type { KeyPackageAnswer, RateLimited, RetrySettings, Unanswered } from './query.ts'
export {
  createKeyPackageRelayListEvent,
  type Discovery,
  getKeyPackageRelayList,
  getWriteRelays,
  isValidKeyPackageRelayListEvent,
} from './relay-lists.ts'
export type { LowStockRequest, Replenish } from './replenish.ts'
export type { KeyPackageClientSettings } from './settings.ts'
export type { AuthorStatistics, Statistics } from './statistics.ts'
export { systemTime, type Time } from './time.ts'
export type { ReceivedKeyPackage, RejectedEvent } from './verify.ts'
export type { WebSocketClass } from './web-socket.ts'
