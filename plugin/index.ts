/** What the package exports: the gateway, its contract with stores and relays, and `restoreSignedEvent` for clients. */

export type { ListedAccessRule, RuleRemoval } from './access/access.ts'
export type { AuditRecord } from './audit.ts'
export type {
  Answer,
  AnsweredPublication,
  AuthorClaim,
  CheckedEvent,
  Connection,
  GatewaySession,
  Publication,
  PublishOutcome,
} from './connection.ts'
export type { Logger } from './context.ts'
export { type GatewayActivity, type GatewaySettings, KeyPackageGateway } from './gateway.ts'
export type { KeyPackagesInformation, RelayInformation } from './information.ts'
export type { KeyPackageRef } from './key-package/decode.ts'
export type { ContentForm, StoredEvent } from './key-package/encoding.ts'
export { restoreSignedEvent } from './key-package/restore.ts'
export {
  type Following,
  type FollowList,
  type FollowListDeletion,
  type FollowListOutcome,
  type FollowListSource,
  followListFilters,
} from './lifecycle/follow-list.ts'
export type { KnownRelayList, RelayListOutcome } from './lifecycle/known-relay-lists.ts'
export type { IsKnown } from './lifecycle/known-requesters.ts'
export type { OwnPackage, OwnRemoval, PackagesToRemove, RemovedBy } from './lifecycle/own-stock.ts'
export type { LowAuthor, StockSurvey, SurveySettings } from './lifecycle/stock-survey.ts'
export {
  type ClientMessage,
  type EventId,
  type GatewayMessage,
  type Pubkey,
  parseMessage,
  type RelayMessage,
  type SignedEvent,
} from './nostr/messages.ts'
export { REFUSAL_PREFIXES, type RefusalPrefix } from './nostr/refusal.ts'
export {
  CLAIM_OUTCOMES,
  type ObservedClaim,
  type ObservedPublish,
  type ObservedVerb,
  type Observer,
  PUBLISH_OUTCOMES,
  REFUSED_VERBS,
  RELEASE_REASONS,
  type ReleaseReason,
} from './observer.ts'
export type { Options, OptionsInput } from './options.ts'
export type { PublishContext } from './publish/sender.ts'
export { SettingsError } from './settings.ts'
export type { Channel, CountedQuota, Siblings } from './siblings.ts'
export type * from './store.ts'
export { StoreError } from './store.ts'
export type { VerificationLoad, VerifyEvent } from './verification.ts'
