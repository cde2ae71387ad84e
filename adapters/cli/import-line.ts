/** Reads one line of an import, and stores its record after the checks of a published key package. */

import { z } from 'zod'
import { type Audit, publishEntry } from '../../plugin/audit.ts'
import type { KeyPackageRules } from '../../plugin/key-package/checks.ts'
import type { KeyPackageRef } from '../../plugin/key-package/decode.ts'
import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../plugin/key-package/kinds.ts'
import { checkKeyPackage } from '../../plugin/key-package/validate.ts'
import { checkRelayList, RELAY_LIST_KIND, RELAY_LIST_KINDS } from '../../plugin/lifecycle/relay-list.ts'
import { checkNotAhead, checkShape } from '../../plugin/nostr/event.ts'
import type { EventId, Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import type { Options } from '../../plugin/options.ts'
import type { SpentNames, StoreRecord } from '../../plugin/records.ts'
import type { Exposure, MovableStore, PutOutcome, StoredKeyPackage } from '../../plugin/store.ts'

const KEY_PACKAGE_KINDS = [KEY_PACKAGE_KIND, SLOT_KIND]

/**
 * - of `PutOutcome`: a key package, and what the store did with it.
 * - `expired`: it was valid when it was published.
 * - `relayList`: it is now the author's relay list of its kind.
 * - `deleted`: a relay list that its author deleted.
 * - `remembered`: what it lists as spent or deleted does not come back.
 * - `ignored`: an event of another kind.
 */
export type ImportOutcome =
  | Exclude<PutOutcome, 'limited'>
  | 'expired'
  | 'relayList'
  | 'deleted'
  | 'remembered'
  | 'ignored'

export interface ImportTarget extends Pick<Options, 'kinds' | 'validation' | 'stock'> {
  readonly store: Pick<MovableStore, 'put' | 'spend' | 'putRelayList' | 'dropRelayLists'>
  readonly verifyEvent: (event: SignedEvent) => boolean
  /** Gets an entry, without a requester, for each key package that is stored or known already. */
  readonly audit: Audit
}

const pubkey = z.custom<Pubkey>(isHexOf(64), 'must be 64 lower-case hex characters')
/** A KeyPackageRef is as long as the hash of its ciphersuite. */
const name = z.custom<EventId | KeyPackageRef>(isHexOf(64, 96, 128), 'must be lower-case hex')
const seconds = z.number().int().min(0).max(100_000_000_000)
/** Exports did not name it while kind 10051 was the only one. */
const relayListKind = z.literal([...RELAY_LIST_KINDS]).default(RELAY_LIST_KIND)

const eventRecord = z.strictObject({
  event: z.unknown(),
  exposure: z.strictObject({ since: seconds, count: z.number().int().min(1).max(1_000_000_000) }).optional(),
})
const spentRecord = z.strictObject({
  spent: z.strictObject({ author: pubkey, names: z.array(name), expiresAt: seconds }),
})
const deletedRecord = z.strictObject({
  deletedRelayList: z.strictObject({ author: pubkey, kind: relayListKind, createdUntil: seconds }),
})

/**
 * Parses a record printed by `export`, or a bare event as relays export it.
 * @throws Refusal `invalid` saying what is wrong with the line
 */
export function parseRecord(line: string): StoreRecord {
  const value = parseObject(line)
  if ('spent' in value) return check(spentRecord, value)
  if ('deletedRelayList' in value) return check(deletedRecord, value)
  const { event, exposure } = 'event' in value ? check(eventRecord, value) : { event: value }
  checkShape(event)
  return exposure === undefined ? { event } : { event, exposure }
}

function parseObject(line: string): object {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new Refusal('invalid', `not JSON: ${(error as Error).message}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new Refusal('invalid', 'must be a JSON object')
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Refusal('invalid', `${issue?.path.join('.')}: ${issue?.message}`)
}

function isHexOf(...lengths: readonly number[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && lengths.includes(value.length) && /^[0-9a-f]+$/.test(value)
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
    const { author, kind, createdUntil } = record.deletedRelayList
    await target.store.dropRelayLists(author, [kind], createdUntil)
    return 'remembered'
  }
  const { event, exposure } = record
  if (RELAY_LIST_KINDS.includes(event.kind)) return importRelayList(target, event, now)
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
  now: number,
): Promise<ImportOutcome> {
  if (!verifyEvent(event)) throw new Refusal('invalid', 'wrong id or signature')
  checkNotAhead(event, now)
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
  // A slot is handed out again and again, so exposure is not recorded for it.
  const isExposed = exposure !== undefined && pkg.slot === undefined
  const offered = isExposed ? { ...pkg, exposure } : pkg
  const outcome = await target.store.put(offered, { max, overflow, retireAfterSeconds }, now)
  if (outcome === 'limited') throw new Error('a store limited a put that has no publish quota')
  if (outcome !== 'full') target.audit(() => [publishEntry(pkg, outcome, undefined)])
  return outcome
}

function checkUnlessExpired(
  { kinds, validation, stock, verifyEvent }: ImportTarget,
  event: SignedEvent,
  now: number,
): StoredKeyPackage | 'expired' {
  // Whoever imports can write to the store directly, so the author's authentication (NIP-70) is not required.
  const authenticatedAs = new Set([event.pubkey])
  const rules: KeyPackageRules = { kinds, validation, stock, verifyEvent, authenticatedAs }
  try {
    return checkKeyPackage(event, rules, now)
  } catch (error) {
    if (error instanceof Refusal && wasValid(event, rules, now)) return 'expired'
    throw error
  }
}

/** Whether it passed every check when it was created: then it is refused now only because of its age. */
function wasValid(event: SignedEvent, rules: KeyPackageRules, now: number): boolean {
  if (event.created_at >= now) return false
  try {
    checkKeyPackage(event, rules, event.created_at)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
