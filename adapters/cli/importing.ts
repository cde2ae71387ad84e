/** What an import does with a record: every check of a published key package, as if its author published it now. */

import { type Audit, publishEntry } from '../../plugin/audit.ts'
import type { KeyPackageRules } from '../../plugin/key-package/checks.ts'
import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../plugin/key-package/kinds.ts'
import { checkKeyPackage } from '../../plugin/key-package/validate.ts'
import { checkRelayList, RELAY_LIST_KIND } from '../../plugin/lifecycle/relay-list.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import type { Options } from '../../plugin/options.ts'
import type { SpentNames, StoreRecord } from '../../plugin/records.ts'
import type { Exposure, MovableStore, PutOutcome, StoredKeyPackage } from '../../plugin/store.ts'

const KEY_PACKAGE_KINDS = [KEY_PACKAGE_KIND, SLOT_KIND]

/**
 * - of `PutOutcome`: it is a key package, and the store said so.
 * - `expired`: it was good once.
 * - `relayList`: it is the author's relay list now.
 * - `remembered`: what it says is spent or deleted does not come back.
 * - `ignored`: an event of a kind that has nothing to do with key packages.
 */
export type ImportOutcome =
  | Exclude<PutOutcome, 'limited'>
  | 'expired'
  | 'relayList'
  | 'remembered'
  | 'ignored'

export interface ImportTarget extends Pick<Options, 'kinds' | 'validation' | 'stock'> {
  readonly store: Pick<MovableStore, 'put' | 'spend' | 'putRelayList' | 'dropRelayList'>
  readonly verifyEvent: (event: SignedEvent) => boolean
  /** Told of each key package that the store takes in or knows, without a requester: nobody published it here. */
  readonly audit: Audit
}

/**
 * @param now seconds since the epoch
 * @throws Refusal of the first check that fails; StoreError
 */
export async function importRecord(
  target: ImportTarget,
  record: StoreRecord,
  now: number,
): Promise<ImportOutcome> {
  if ('spent' in record) return importSpent(target, record.spent, now)
  if ('deletedRelayList' in record) {
    const { author, createdUntil } = record.deletedRelayList
    await target.store.dropRelayList(author, createdUntil)
    return 'remembered'
  }
  const { event, exposure } = record
  if (event.kind === RELAY_LIST_KIND) return importRelayList(target, event)
  if (!KEY_PACKAGE_KINDS.includes(event.kind)) return 'ignored'
  return importKeyPackage(target, event, exposure, now)
}

async function importSpent(
  { store }: ImportTarget,
  { author, names, expiresAt }: SpentNames,
  now: number,
): Promise<ImportOutcome> {
  if (expiresAt <= now) return 'expired'
  const known = names.map((name) => ({ name, expiresAt }))
  await store.spend(author, known, now)
  return 'remembered'
}

async function importRelayList(
  { store, verifyEvent }: ImportTarget,
  event: SignedEvent,
): Promise<ImportOutcome> {
  if (!verifyEvent(event)) throw new Refusal('invalid', 'wrong id or signature')
  checkRelayList(event)
  const outcome = await store.putRelayList(event)
  return outcome === 'stored' ? 'relayList' : outcome
}

async function importKeyPackage(
  target: ImportTarget,
  event: SignedEvent,
  exposure: Exposure | undefined,
  now: number,
): Promise<ImportOutcome> {
  const pkg = checkUnlessExpired(target, event, now)
  if (pkg === 'expired') return pkg
  const { max, overflow, retireAfterSeconds } = target.stock
  // A slot is handed out again and again: it is never exposed.
  const isExposed = exposure !== undefined && pkg.slot === undefined
  const offered = isExposed ? { ...pkg, exposure } : pkg
  const outcome = await target.store.put(offered, { max, overflow, retireAfterSeconds }, now)
  if (outcome === 'limited') throw new Error('an import has no publish quota')
  if (outcome !== 'full') target.audit(() => [publishEntry(pkg, outcome, undefined)])
  return outcome
}

function checkUnlessExpired(
  { kinds, validation, stock, verifyEvent }: ImportTarget,
  event: SignedEvent,
  now: number,
): StoredKeyPackage | 'expired' {
  // The operator, who could write to the store directly, stands in for the author (NIP-70).
  const authenticatedAs = new Set([event.pubkey])
  const rules: KeyPackageRules = { kinds, validation, stock, verifyEvent, authenticatedAs }
  try {
    return checkKeyPackage(event, rules, now)
  } catch (error) {
    if (error instanceof Refusal && wasGood(event, rules, now)) return 'expired'
    throw error
  }
}

/** Whether it would have been taken in when it was made: then only time stands against it. */
function wasGood(event: SignedEvent, rules: KeyPackageRules, now: number): boolean {
  if (event.created_at >= now) return false
  try {
    checkKeyPackage(event, rules, event.created_at)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
