/** Tells the audit log and the observer what happened, so that the operations of a gateway report it once. */

import {
  type Audit,
  type AuditRecord,
  auditTo,
  claimEntries,
  publishEntry,
  refusalEntry,
  releaseEntry,
  removalEntry,
} from './audit.ts'
import type { PublishOutcome } from './connection.ts'
import type { ClientMessage } from './nostr/messages.ts'
import type { Refusal } from './nostr/refusal.ts'
import {
  type ObservedPublish,
  type Observer,
  observedClaim,
  observedVerb,
  type ReleaseReason,
} from './observer.ts'
import type { Options } from './options.ts'
import { refusalOf } from './request/plan.ts'
import type { Claim, ClaimOutcome, Removal, StoredKeyPackage } from './store.ts'

export interface RecorderSettings {
  readonly options: Options
  readonly audit: ((record: AuditRecord) => void) | undefined
  readonly observer: Observer | undefined
  readonly log: { error(fields: object, message: string): void }
  /** Seconds since the epoch. */
  now(): number
}

const RELEASED_BECAUSE = { unsent: 'nothing was sent', owner: 'its author had asked' } as const

export class Recorder {
  readonly #settings: RecorderSettings
  readonly #audit: Audit

  constructor(settings: RecorderSettings) {
    this.#settings = settings
    this.#audit = auditTo(settings.audit, settings.now, settings.log)
  }

  /** When something begins that `publishEnded` or `claimsAnswered` ends. */
  time(): number {
    return this.#settings.observer?.time() ?? 0
  }

  /** The sender of a key package is told that it is accepted. */
  published(pkg: StoredKeyPackage, outcome: PublishOutcome, requester: string | undefined): void {
    this.#audit(() => [publishEntry(pkg, outcome, requester)])
  }

  /** A key package that began to be handled at `began` is answered, accepted or not. */
  publishEnded(outcome: ObservedPublish, began: number): void {
    this.#observe((observer) => observer.published(outcome, observer.time() - began))
  }

  claimed(claims: readonly Claim[], outcomes: readonly ClaimOutcome[]): void {
    const { options, now } = this.#settings
    this.#audit(() =>
      claims.flatMap((claim, index) => {
        const outcome = outcomes[index]
        return outcome === undefined ? [] : claimEntries(claim, outcome, options, now())
      }),
    )
    this.#observe((observer) => {
      for (const outcome of outcomes) observeClaim(observer, outcome, options)
    })
  }

  /** The claims of one REQ, which began at `began`, are answered. */
  claimsAnswered(began: number): void {
    this.#observe((observer) => observer.claimsTook(observer.time() - began))
  }

  /** A message, or a part of it, is refused. */
  refused(message: ClientMessage, refusal: Refusal, requester: string | undefined): void {
    this.#audit(() => [refusalEntry(message, refusal.message, requester)])
    this.#observe((observer) => observer.refused(observedVerb(message[0]), refusal.prefix))
  }

  released(
    packages: readonly Parameters<typeof releaseEntry>[0][],
    requester: string,
    why: ReleaseReason,
  ): void {
    this.#audit(() => packages.map((pkg) => releaseEntry(pkg, requester, RELEASED_BECAUSE[why])))
    this.#observe((observer) => {
      for (const _ of packages) observer.released(why)
    })
  }

  removed(removals: readonly Removal[]): void {
    this.#audit(() => removals.map(removalEntry))
    this.#observe((observer) => {
      for (const { why } of removals) observer.removed(why)
    })
  }

  #observe(tell: (observer: Observer) => void): void {
    const { observer, log } = this.#settings
    if (observer === undefined) return
    try {
      tell(observer)
    } catch (error) {
      log.error({ err: error }, 'failed to count what happened')
    }
  }
}

/** A claim that is not answered is also refused, as in the audit log. */
function observeClaim(observer: Observer, claim: ClaimOutcome, options: Options): void {
  const outcome = observedClaim(claim)
  if (outcome === undefined) return
  observer.claimed(outcome, claim.outcome === 'limited' ? claim.by : undefined)
  const refusal = refusalOf([claim], options)
  if (refusal !== undefined) observer.refused('REQ', refusal.prefix)
}
