/** The lines that `import` reads: records as `export` prints them, and events as relays export them. */

import { z } from 'zod'
import { readSubject } from '../../../plugin/access/subjects.ts'
import { RELAY_LIST_KIND, RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { checkShape } from '../../../plugin/nostr/event.ts'
import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { MAX_DELETED_IDS, MAX_DELETED_SLOTS } from '../../../plugin/stock/deletions.ts'
import { changedInformation, INFORMATION_FIELDS, type KnownName } from '../../../plugin/store.ts'
import type { StoreRecord } from '../../../plugin/store-records.ts'

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
