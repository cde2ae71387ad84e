/** What an audit log is told of key packages: a record of each thing that happened to one. Never a package's content (I4). */

import type { KeyPackageRef } from './key-package/mls.ts'
import { isSignedEvent } from './nostr/event.ts'
import type { ClientMessage, EventId, Pubkey } from './nostr/messages.ts'
import type { Options } from './options.ts'
import { type QueryOutcome, refusalOf } from './query.ts'
import type { Claim, PutOutcome, Removal, StoredKeyPackage } from './store.ts'

/**
 * One line of an audit log.
 * - `publish`: somebody published a package, or an operator imported it (then without a requester), and the store took
 *   it in or knew it (`PutOutcome`).
 * - `claim`: a requester was `delivered` a package of the author, or there was `none`.
 * - `exposure`: what was delivered was the last one, and stayed; the outcome says how often that happened to it.
 * - `release`: a claim of which nothing was sent was undone for this package.
 * - `refusal`: a message (an EVENT, a REQ, ...) or a part of it was refused; the outcome is what the client was told.
 * - `deletion`, `expiry`, `retirement`, `replacement`, `eviction`: a package was spent otherwise (`Removal`).
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
    | 'deletion'
    | 'expiry'
    | 'retirement'
    | 'replacement'
    | 'eviction'
  readonly outcome: string
  /** Of a refusal: the message that was refused. */
  readonly verb?: string
  /** Of a refused EVENT, what it says of itself; nobody has checked that. */
  readonly author?: Pubkey
  readonly id?: EventId
  readonly ref?: KeyPackageRef
  readonly kind?: number
  /** Who published or asked: the first pubkey of the connection, else its address. */
  readonly requester?: string | undefined
  /** How many packages a claim left the author. */
  readonly remaining?: number
}

/** A record, before it is told when. */
export type AuditEntry = Omit<AuditRecord, 'at'>

/** Writes the records that it is given a way to make. */
export type Audit = (entries: () => readonly AuditEntry[]) => void

/** Longest outcome: it may quote what a client wrote. */
const LONGEST_OUTCOME = 200

const actionOf = {
  deleted: 'deletion',
  expired: 'expiry',
  retired: 'retirement',
  replaced: 'replacement',
  evicted: 'eviction',
} as const satisfies Record<Removal['why'], AuditRecord['action']>

/** Where nobody keeps an audit log, no record is made. One that cannot be kept stops nothing; the ordinary log says so. */
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

/** What became of a claim; several entries where it delivered several packages, or the last. */
export function claimEntries(
  claim: Claim,
  outcome: QueryOutcome,
  options: Options,
  now: number,
): AuditEntry[] {
  const { author, requester } = claim
  if (outcome.outcome === 'none') return [{ action: 'claim', outcome: 'none', author, requester }]
  if (outcome.outcome !== 'delivered') {
    const message = refusalOf([outcome], options)?.message ?? outcome.outcome
    return [{ action: 'refusal', verb: 'REQ', outcome: message, author, requester }]
  }
  const { packages, remaining, lastUsed } = outcome
  const last = lastUsed ? packages.at(-1) : undefined
  const delivered = packages.map((pkg): AuditEntry => {
    return { action: 'claim', outcome: 'delivered', ...namesOf(pkg), requester, remaining }
  })
  if (last === undefined) return delivered
  const { since, count } = last.exposure ?? { since: now, count: 0 }
  const exposed = `delivered ${count + 1} times since ${since}`
  return [...delivered, { action: 'exposure', outcome: exposed, ...namesOf(last), requester, remaining }]
}

export function releaseEntry(pkg: StoredKeyPackage, requester: string): AuditEntry {
  return { action: 'release', outcome: 'nothing was sent', ...namesOf(pkg), requester }
}

/** A message that was refused as a whole. */
export function refusalEntry(
  [verb, subject]: ClientMessage,
  why: string,
  requester: string | undefined,
): AuditEntry {
  const event = verb === 'EVENT' && isSignedEvent(subject) ? subject : undefined
  const names = event && { author: event.pubkey, id: event.id, kind: event.kind }
  return { action: 'refusal', verb, outcome: why.slice(0, LONGEST_OUTCOME), ...names, requester }
}

export function removalEntry(removal: Removal): AuditEntry {
  return { action: actionOf[removal.why], outcome: 'spent', ...namesOf(removal) }
}

function namesOf({ author, id, ref, kind }: Pick<Removal, 'author' | 'id' | 'ref' | 'kind'>) {
  return { author, id, ref, kind }
}
