/** What every operation of one gateway works with. */

import type { Audit } from './audit.ts'
import type { SignedEvent } from './nostr/messages.ts'
import type { Options } from './options.ts'
import type { ReleasedClaims } from './released.ts'
import type { ClaimPolicy, KeyPackageStore } from './store.ts'

/** Where the gateway says what an operator should know; pino's loggers fit. Never given a package's content (I4). */
export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The same log, of which no failure comes back: what an operator is not told must not cost anybody a key package. */
export function unfailing(log: Logger): Logger {
  const at =
    (level: keyof Logger): Logger['info'] =>
    (fields, message) => {
      try {
        log[level](fields, message)
      } catch {
        // There is nobody else to tell.
      }
    }
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

/** Made once by the gateway, and given to each operation. */
export interface GatewayContext {
  readonly options: Options
  /** One object for every claim: a store may take together what is claimed under the same. */
  readonly policy: ClaimPolicy
  readonly store: KeyPackageStore
  readonly log: Logger
  readonly audit: Audit
  readonly released: ReleasedClaims
  /** Seconds since the epoch. */
  now(): number
  /** Whether an event's id and signature are right. */
  verifyEvent(event: SignedEvent): boolean
}
