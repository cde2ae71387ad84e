/** `keypackage-gateway/client`: key packages for apps, in Node.js and browsers, beside nostr-tools and ts-mls. */

import './runtime.ts'

export { restoreSignedEvent } from '../../plugin/key-package/restore.ts'
export type { Retrying } from './asking.ts'
export {
  type At,
  KeyPackageClient,
  type NewKeyPackage,
  type PublishedKeyPackage,
} from './client.ts'
export type { Discovery } from './discover.ts'
export {
  contentOf,
  createDeleteKeyPackageEvent,
  createKeyPackageEvent,
  getKeyPackage,
  type KeyPackageEventSettings,
} from './events.ts'
export { hearLowStock, type StockListener } from './low-stock.ts'
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
export type { Exposure, Stock, StockCount, StockedKeyPackage } from './own.ts'
export type { Publication, RelayMessage } from './publish.ts'
export type { KeyPackageAnswer, RateLimited, Unanswered } from './query.ts'
export type { ReceivedKeyPackage, RejectedEvent } from './receive.ts'
export {
  createKeyPackageRelayListEvent,
  getKeyPackageRelayList,
  getWriteRelays,
  isValidKeyPackageRelayListEvent,
} from './relay-lists.ts'
export type { LowStock, Replenish } from './replenishing.ts'
export type { KeyPackageClientSettings } from './settings.ts'
export type { AuthorStatistics, Statistics } from './statistics.ts'
export { systemTime, type Time } from './time.ts'
export type { WebSocketClass } from './web-socket.ts'
