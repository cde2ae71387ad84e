/** Reads a line of an import: a record of our own export, or an event as it is, as relays export it. */

import { z } from 'zod'
import type { KeyPackageRef } from '../../plugin/key-package/mls.ts'
import { checkShape } from '../../plugin/nostr/event.ts'
import type { EventId, Pubkey } from '../../plugin/nostr/messages.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import type { StoreRecord } from '../../plugin/records.ts'

const pubkey = z.custom<Pubkey>(isHexOf(64), 'must be 64 lower-case hex characters')
/** A KeyPackageRef is as long as the hash of its ciphersuite. */
const name = z.custom<EventId | KeyPackageRef>(isHexOf(64, 96, 128), 'must be lower-case hex')
const seconds = z.number().int().min(0).max(100_000_000_000)

const eventRecord = z.strictObject({
  event: z.unknown(),
  exposure: z.strictObject({ since: seconds, count: z.number().int().min(1).max(1_000_000_000) }).optional(),
})
const spentRecord = z.strictObject({
  spent: z.strictObject({ author: pubkey, names: z.array(name), expiresAt: seconds }),
})
const deletedRecord = z.strictObject({
  deletedRelayList: z.strictObject({ author: pubkey, createdUntil: seconds }),
})

/** @throws Refusal `invalid` saying what is wrong with the line */
export function readRecord(line: string): StoreRecord {
  const value = parse(line)
  if ('spent' in value) return check(spentRecord, value)
  if ('deletedRelayList' in value) return check(deletedRecord, value)
  const { event, exposure } = 'event' in value ? check(eventRecord, value) : { event: value }
  checkShape(event)
  return exposure === undefined ? { event } : { event, exposure }
}

function parse(line: string): object {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new Refusal('invalid', `not JSON: ${(error as Error).message}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new Refusal('invalid', 'a line is a JSON object')
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
