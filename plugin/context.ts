/** What all operations of one gateway share: options, store, logs and clock. */

import type { Access } from './access/access.ts'
import type { FollowListLearner } from './lifecycle/follow-list.ts'
import type { SlotWear } from './lifecycle/slot-wear.ts'
import type { Pubkey, SignedEvent } from './nostr/messages.ts'
import type { Options } from './options.ts'
import type { AuthorCount } from './publish/author-count.ts'
import type { Recorder } from './recorder.ts'
import type { ReleasedClaims } from './request/released-claims.ts'
import type { SeenSlots } from './request/seen-slots.ts'
import type { ClaimPolicy, KeyPackageStore } from './store.ts'
import type { Verification } from './verification.ts'

/** The operator's log; a pino logger can be used. It never gets a package's content (I4). */
export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export const silent: Logger = { info() {}, warn() {}, error() {} }

/** Wraps the log so that it never throws: a failing log must not lose a key package. */
export function unfailing(log: Logger): Logger {
  const at =
    (level: keyof Logger): Logger['info'] =>
    (fields, message) => {
      try {
        log[level](fields, message)
      } catch {
        // There is nowhere else to report it.
      }
    }
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

/** Made once by the gateway and passed to each operation. */
export interface GatewayContext {
  readonly options: Options
  /** The same object for every claim, so that a store can batch claims that share it. */
  readonly policy: ClaimPolicy
  readonly store: KeyPackageStore
  readonly log: Logger
  readonly recorder: Recorder
  readonly access: Access
  readonly authors: AuthorCount
  readonly released: ReleasedClaims
  readonly seen: SeenSlots
  readonly slotWear: SlotWear
  readonly followLists: FollowListLearner
  readonly verification: Verification
  /** The `rank` of a package that is published now. Never rejects. */
  rankOf(event: SignedEvent): Promise<string>
  /**
   * By which of the pubkeys that a connection has authenticated the author knows it (`known-requesters.ts`); undefined: by none, or
   * it cannot be found out. Never rejects. It costs a call to the store, and up to 200 ms: only for claims that come out as
   * `needs-known`.
   */
  knownAs(author: Pubkey, authenticated: ReadonlySet<Pubkey>): Promise<Pubkey | undefined>
  /** Seconds since the epoch. */
  now(): number
}
