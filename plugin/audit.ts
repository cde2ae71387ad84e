/** The records of the audit log: one for each thing that happened to a key package. Never a package's content (I4). */

import type { KeyPackageRef } from './key-package/decode.ts'
import { isSignedEvent } from './nostr/event.ts'
import type { ClientMessage, EventId, Pubkey } from './nostr/messages.ts'
import type { Options } from './options.ts'
import { refusalOf } from './request/plan.ts'
import type { Claim, ClaimOutcome, PutOutcome, Removal, StoredKeyPackage } from './store.ts'

/**
 * One line of an audit log.
 * - `publish`: a package was published, or imported by an operator (then without a requester). The outcome is the
 *   store's (`PutOutcome`).
 * - `claim`: a package of the author was `delivered` to a requester, or there was `none`.
 * - `exposure`: the delivered package was the shared one, and stays. The outcome says how often it has been delivered.
 * - `release`: the package was put back, because nothing was sent for this claim, or because the claim was its author's, who
 *   authenticated afterwards.
 * - `refusal`: a message (an EVENT, a REQ, ...) or a part of it was refused. The outcome is what the client was told.
 * - `administration`: an admin has changed something by NIP-86 (the `verb`). The outcome is `done`, or why not.
 * - `deletion`, `expiry`, `retirement`, `replacement`, `eviction`: a package was spent in another way (`Removal`).
 */
export interface AuditRecord {
  /** Seconds since the epoch. */
  readonly at: number
  readonly action:
    | 'publish'
    | 'claim'
    | 'exposure'
    | 'release'
    | 'refusal'
    | 'administration'
    | 'deletion'
    | 'expiry'
    | 'retirement'
    | 'replacement'
    | 'eviction'
  readonly outcome: string
  /** The verb of the refused message, or the method of NIP-86. */
  readonly verb?: string
  /** For a refused EVENT: as the event says, unverified. */
  readonly author?: Pubkey
  readonly id?: EventId
  readonly ref?: KeyPackageRef
  readonly kind?: number
  /** Who published or asked: the first pubkey of the connection, or else its address. */
  readonly requester?: string | undefined
  /** Who changed something, and what: a pubkey, a network, or what the relay now says about itself. */
  readonly admin?: Pubkey
  readonly subject?: string | undefined
  /** How many fresh packages the author has left after a claim. */
  readonly remaining?: number
}

/** A record without its time. */
export type AuditEntry = Omit<AuditRecord, 'at'>

/** Writes the records that `entries` returns; it is not called if there is no audit log. */
export type Audit = (entries: () => readonly AuditEntry[]) => void

/** Maximum length of an outcome, which may quote what a client wrote. */
const MAX_OUTCOME_LENGTH = 200

const actionOf = {
  deleted: 'deletion',
  expired: 'expiry',
  retired: 'retirement',
  replaced: 'replacement',
  evicted: 'eviction',
} as const satisfies Record<Removal['why'], AuditRecord['action']>

/** An `Audit` that gives each record to `keep`. A record that cannot be written is logged and stops nothing. */
export function auditTo(
  keep: ((record: AuditRecord) => void) | undefined,
  now: () => number,
  log: { error(fields: object, message: string): void },
): Audit {
  if (keep === undefined) return () => {}
  return (entries) => {
    try {
      for (const entry of entries()) keep({ at: now(), ...entry })
    } catch (error) {
      log.error({ err: error }, 'failed to write an audit record')
    }
  }
}

export function publishEntry(
  pkg: StoredKeyPackage,
  outcome: PutOutcome,
  requester: string | undefined,
): AuditEntry {
  return { action: 'publish', outcome, ...namesOf(pkg), requester }
}

/** The outcome of a claim; several entries if it delivered several packages, or the shared one. */
export function claimEntries(
  claim: Claim,
  outcome: ClaimOutcome,
  options: Options,
  now: number,
): AuditEntry[] {
  const { author, requester } = claim
  if (outcome.outcome === 'none') return [{ action: 'claim', outcome: 'none', author, requester }]
  if (outcome.outcome !== 'delivered') {
    const message = refusalOf([outcome], options)?.message ?? outcome.outcome
    return [{ action: 'refusal', verb: 'REQ', outcome: message, author, requester }]
  }
  const { packages, remaining, sharedUsed } = outcome
  const last = sharedUsed ? packages.at(-1) : undefined
  const delivered = packages.map((pkg): AuditEntry => {
    return { action: 'claim', outcome: 'delivered', ...namesOf(pkg), requester, remaining }
  })
  if (last === undefined) return delivered
  const { since, count } = last.exposure ?? { since: now, count: 0 }
  const exposed = `delivered ${count + 1} times since ${since}`
  return [...delivered, { action: 'exposure', outcome: exposed, ...namesOf(last), requester, remaining }]
}

export function releaseEntry(
  pkg: Pick<StoredKeyPackage, 'author' | 'id' | 'ref' | 'kind'>,
  requester: string,
  why: 'nothing was sent' | 'its author had asked',
): AuditEntry {
  return { action: 'release', outcome: why, ...namesOf(pkg), requester }
}

/** A message that was refused as a whole. */
export function refusalEntry(
  [verb, subject]: ClientMessage,
  why: string,
  requester: string | undefined,
): AuditEntry {
  const event = verb === 'EVENT' && isSignedEvent(subject) ? subject : undefined
  const names = event && { author: event.pubkey, id: event.id, kind: event.kind }
  return { action: 'refusal', verb, outcome: why.slice(0, MAX_OUTCOME_LENGTH), ...names, requester }
}

export function removalEntry(removal: Removal): AuditEntry {
  return { action: actionOf[removal.why], outcome: 'spent', ...namesOf(removal) }
}

function namesOf({ author, id, ref, kind }: Pick<Removal, 'author' | 'id' | 'ref' | 'kind'>) {
  return { author, id, ref, kind }
}
