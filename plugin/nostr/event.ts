/** Whether a value has the shape of a signed event (NIP-01). The id and the signature are not verified here. */

import type { SignedEvent } from './messages.ts'
import { Refusal } from './refusal.ts'

const HEX_32 = /^[0-9a-f]{64}$/
const HEX_64 = /^[0-9a-f]{128}$/
const MAX_KIND = 65_535
/** How far a publisher's clock may be ahead of ours. */
export const CLOCK_SKEW_SECONDS = 15 * 60
/** A lone surrogate. UTF-8, over which the id is computed (NIP-01), cannot encode it, nor can every store (I8). */
const LONE_SURROGATE = /\p{Surrogate}/u

export function isSignedEvent(value: unknown): value is SignedEvent {
  return shapeFault(value) === undefined
}

/** @throws Refusal that says what is wrong with the shape */
export function checkShape(value: unknown): asserts value is SignedEvent {
  const fault = shapeFault(value)
  if (fault !== undefined) throw new Refusal('invalid', fault)
}

/** @throws Refusal `invalid` if an event is from further in the future than a clock may be wrong */
export function checkNotAhead({ created_at }: Pick<SignedEvent, 'created_at'>, now: number): void {
  if (created_at <= now + CLOCK_SKEW_SECONDS) return
  throw new Refusal('invalid', 'created_at is more than 15 minutes in the future')
}

/** What is wrong with an event's shape, in words; undefined if nothing is. */
export function shapeFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'an event must be a JSON object'
  const { id, pubkey, created_at, kind, tags, content, sig } = value as Record<keyof SignedEvent, unknown>
  if (!isHex32(id)) return 'id must be 64 lower-case hex characters'
  if (!isHex32(pubkey)) return 'pubkey must be 64 lower-case hex characters'
  if (!matches(sig, HEX_64)) return 'sig must be 128 lower-case hex characters'
  if (!Number.isSafeInteger(created_at)) return 'created_at must be an integer (seconds since the epoch)'
  if (!isKind(kind)) return `kind must be an integer from 0 to ${MAX_KIND}`
  if (!isTags(tags)) return 'tags must be an array of arrays of strings'
  if (typeof content !== 'string') return 'content must be a string'
  return [content, ...tags.flat()].some((text) => LONE_SURROGATE.test(text))
    ? 'tags and content must not contain lone surrogates'
    : undefined
}

/** The kind of a value that may be an event; undefined if it has none. */
export function kindOf(event: unknown): number | undefined {
  if (typeof event !== 'object' || event === null || !('kind' in event)) return undefined
  return typeof event.kind === 'number' ? event.kind : undefined
}

/** Whether a client could read the value as an event of one of these kinds: some accept a kind written as a string. */
export function mayBeOfKind(event: unknown, kinds: readonly number[]): boolean {
  if (typeof event !== 'object' || event === null || !('kind' in event)) return false
  const kind = typeof event.kind === 'string' ? Number(event.kind) : event.kind
  return kinds.some((known) => known === kind)
}

/** Whether a value is 32 bytes in lower-case hex, as event ids and pubkeys are. */
export function isHex32(value: unknown): value is string {
  return matches(value, HEX_32)
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function isKind(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_KIND
}

function isTags(value: unknown): value is string[][] {
  return (
    Array.isArray(value) &&
    value.every((tag) => Array.isArray(tag) && tag.every((text) => typeof text === 'string'))
  )
}
