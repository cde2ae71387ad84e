/** Reads one line of an import, and stores its record after the checks of a published key package. */

import { z } from 'zod'
import { readSubject } from '../../../plugin/access/subjects.ts'
import { type Audit, publishEntry } from '../../../plugin/audit.ts'
import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../../plugin/key-package/kinds.ts'
import { checkKeyPackage, type RulesHere } from '../../../plugin/key-package/validate.ts'
import {
  DELETION_KIND,
  deletionOf,
  followListsNamed,
  relayListsNamed,
  TOO_MANY_DELETIONS,
  VANISH_KIND,
  vanishesHere,
  vanishingOf,
} from '../../../plugin/lifecycle/deletion.ts'
import { checkRelayList, RELAY_LIST_KIND, RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { hostOf } from '../../../plugin/nostr/auth.ts'
import { checkNotAhead, checkShape } from '../../../plugin/nostr/event.ts'
import type { EventId, Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import type { Options } from '../../../plugin/options.ts'
import { rankOf } from '../../../plugin/publish/home.ts'
import { MAX_DELETED_IDS, MAX_DELETED_SLOTS, NO_DELETIONS } from '../../../plugin/stock/deletions.ts'
import {
  changedInformation,
  type Exposure,
  INFORMATION_FIELDS,
  type KnownName,
  type MovableStore,
  type PutOutcome,
  type StoredKeyPackage,
} from '../../../plugin/store.ts'
import type { SpentNames, StoreRecord } from '../../../plugin/store-records.ts'

const UNASKED = 'a store limited what was put without a limit'
const KEY_PACKAGE_KINDS = [KEY_PACKAGE_KIND, SLOT_KIND]

/**
 * - of `PutOutcome`: a key package, and what the store did with it.
 * - `expired`: it was valid when it was published.
 * - `relayList`: it is now the author's relay list of its kind.
 * - `remembered`: what it lists as spent or deleted does not come back.
 * - `access`: whom it names is banned, or allowed, here too.
 * - `information`: the relay says the same about itself here.
 * - `ignored`: an event of another kind.
 */
export type ImportOutcome =
  | Exclude<PutOutcome, 'limited' | 'unheard'>
  | 'expired'
  | 'relayList'
  | 'remembered'
  | 'access'
  | 'information'
  | 'ignored'

export interface ImportTarget extends Pick<Options, 'kinds' | 'validation' | 'stock' | 'publicUrl'> {
  readonly store: Pick<
    MovableStore,
    | 'put'
    | 'remember'
    | 'drop'
    | 'putRelayList'
    | 'getRelayLists'
    | 'dropRelayLists'
    | 'dropFollowLists'
    | 'putAccessRule'
    | 'putInformation'
  >
  /** From which the order of delivery follows (`KeyPackageStore.keepUrl`). */
  readonly storeUrl: string
  readonly verifyEvent: (event: SignedEvent) => boolean
  /** Gets an entry, without a requester, for each key package that is stored or known already. */
  readonly audit: Audit
}

const pubkey = z.custom<Pubkey>(isHexOf(64), 'must be 64 lower-case hex characters')
/** A KeyPackageRef is as long as the hash of its ciphersuite. */
const name = z.custom<KnownName['name']>(
  (value) => typeof value === 'string' && isHexOf(64, 96, 128)(value.replace(/^(443|30443):/, '')),
  'must be lower-case hex, after `443:` or `30443:` for a KeyPackage',
)
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
  deleted: z.strictObject({
    author: pubkey,
    ids: z.array(z.tuple([z.custom<EventId>(isHexOf(64)), seconds])).max(MAX_DELETED_IDS),
    slots: z.array(z.tuple([z.string(), seconds, seconds])).max(MAX_DELETED_SLOTS),
    everything: z.tuple([seconds, seconds]).optional(),
  }),
})
const deletedRelayListRecord = z.strictObject({
  deletedRelayList: z.strictObject({ author: pubkey, kind: relayListKind, createdUntil: seconds }),
})
const accessRecord = z.strictObject({
  access: z.strictObject({
    list: z.enum(['ban', 'allow']),
    subject: z.custom<string>(
      (value) => typeof value === 'string' && readSubject(value) === value,
      'must be a pubkey in hex, an IP address or a network, as `bans --json` prints it',
    ),
    reason: z.string().optional(),
    at: seconds,
  }),
})

const informationRecord = z.strictObject({
  information: z.strictObject({
    name: z.string().optional(),
    description: z.string().optional(),
    icon: z.string().optional(),
  }),
})

/**
 * Parses a record printed by `export`, or a bare event as relays export it.
 * @throws Refusal `invalid` saying what is wrong with the line
 */
export function parseRecord(line: string): StoreRecord {
  const value = parseObject(line)
  if ('spent' in value) return check(spentRecord, value)
  if ('deleted' in value) {
    const { everything, ...deleted } = check(deletedRecord, value).deleted
    return { deleted: { ...deleted, ...(everything && { everything }) } }
  }
  if ('deletedRelayList' in value) return check(deletedRelayListRecord, value)
  if ('access' in value) {
    const { list, subject, reason, at } = check(accessRecord, value).access
    return { access: { list, subject, ...(reason !== undefined && { reason }), at } }
  }
  if ('information' in value) {
    const { information } = check(informationRecord, value)
    return { information: changedInformation(INFORMATION_FIELDS.map((field) => information[field])) }
  }
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
  if ('deleted' in record) {
    const { author, ...deletions } = record.deleted
    await target.store.remember(author, { names: [], deletions }, now)
    return 'remembered'
  }
  if ('access' in record) {
    await target.store.putAccessRule(record.access)
    return 'access'
  }
  if ('information' in record) {
    for (const field of INFORMATION_FIELDS) {
      const value = record.information[field]
      if (value !== undefined) await target.store.putInformation(field, value)
    }
    return 'information'
  }
  const { event, exposure } = record
  if (RELAY_LIST_KINDS.includes(event.kind)) return importRelayList(target, event, now)
  if (event.kind === DELETION_KIND || event.kind === VANISH_KIND) return importDeletion(target, event, now)
  if (!KEY_PACKAGE_KINDS.includes(event.kind)) return 'ignored'
  return importKeyPackage(target, event, exposure, now)
}

async function importSpent(
  { store }: ImportTarget,
  { author, names, expiresAt }: SpentNames,
  now: number,
): Promise<ImportOutcome> {
  if (expiresAt <= now) return 'expired'
  const spent = names.map((name) => ({ name, expiresAt }))
  await store.remember(author, { names: spent, deletions: NO_DELETIONS }, now)
  return 'remembered'
}

/** Applies a deletion or a request to vanish, and remembers it: what it deletes may be on a later line. */
async function importDeletion(target: ImportTarget, event: SignedEvent, now: number): Promise<ImportOutcome> {
  const { store, verifyEvent, kinds, stock, publicUrl = '' } = target
  const vanishes = event.kind === VANISH_KIND
  if (vanishes && !vanishesHere(event, hostOf(publicUrl))) return 'ignored'
  const deletion = vanishes
    ? vanishingOf(event, stock.ttlSeconds)
    : deletionOf(event, kinds, stock.ttlSeconds)
  const relayLists = vanishes
    ? RELAY_LIST_KINDS
    : relayListsNamed(event, await store.getRelayLists([event.pubkey], RELAY_LIST_KINDS))
  const followLists = followListsNamed(event)
  if (deletion === undefined && relayLists.length === 0 && followLists.kinds.length === 0) return 'ignored'
  if (!verifyEvent(event)) throw new Refusal('invalid', 'wrong id or signature')
  if (relayLists.length > 0) await store.dropRelayLists(event.pubkey, relayLists, event.created_at)
  await store.dropFollowLists(event.pubkey, followLists)
  if (deletion === undefined) return 'remembered'
  const { outcome } = await store.drop(event.pubkey, deletion, now)
  if (outcome === 'deleted') return 'remembered'
  throw new Refusal('rate-limited', TOO_MANY_DELETIONS)
}

async function importRelayList(
  { store, verifyEvent }: ImportTarget,
  event: SignedEvent,
  now: number,
): Promise<ImportOutcome> {
  if (!verifyEvent(event)) throw new Refusal('invalid', 'wrong id or signature')
  checkNotAhead(event, now)
  checkRelayList(event)
  const outcome = await store.putRelayList(event, now)
  if (outcome === 'unheard') throw new Error(UNASKED)
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
  const offered = {
    ...pkg,
    ...(isExposed && { exposure }),
    ...(pkg.slot === undefined && { rank: rankOf(event, target.storeUrl) }),
  }
  const outcome = await target.store.put(offered, { max, overflow, retireAfterSeconds }, now)
  if (outcome === 'limited' || outcome === 'unheard') throw new Error(UNASKED)
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
  const rules: RulesHere = { kinds, validation, stock, verifyEvent, authenticatedAs }
  try {
    return checkKeyPackage(event, rules, now)
  } catch (error) {
    if (error instanceof Refusal && wasValid(event, rules, now)) return 'expired'
    throw error
  }
}

/** Whether it passed every check when it was created: then it is refused now only because of its age. */
function wasValid(event: SignedEvent, rules: RulesHere, now: number): boolean {
  if (event.created_at >= now) return false
  try {
    checkKeyPackage(event, rules, event.created_at)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
