/** Splits a filter of NIP-01 into what it asks of the gateway and what is left for the relay. */

import { z } from 'zod'
import type { Narrowing } from '../store.ts'
import { isHex32 } from './event.ts'
import type { Pubkey } from './messages.ts'
import { Refusal } from './refusal.ts'

/** How a client wants content written: its `#f` (README, "For authors of clients"). */
export type EncodingHint = 'hex' | 'base64'

/** The part of a filter that asks for key packages. */
export interface KeyPackageFilter {
  /** Empty where the filter names none: that is browsing. */
  readonly authors: readonly Pubkey[]
  readonly narrowing: Narrowing
  readonly limit?: number
  readonly hint?: EncodingHint
}

/** The filters of one message, in their two parts. */
export interface SplitFilters {
  /** What the gateway is asked. */
  readonly asked: readonly KeyPackageFilter[]
  /** What the relay is asked; a filter that asks nothing of the gateway stays the very same object. */
  readonly rest: readonly unknown[]
}

interface SplitFilter {
  readonly asked?: KeyPackageFilter
  readonly rest?: unknown
}

/** Every value is held against every tag of every package of every author (I9). */
const MOST_VALUES = 100

/** Stops at the first item that does not fit: zod complains of each, and a message has room for 250,000 (I9). */
const listOf = <Item>(fits: (item: unknown) => item is Item) =>
  z.custom<Item[]>((value) => Array.isArray(value) && value.every(fits))

export const wholeNumbers = listOf((item): item is number => Number.isSafeInteger(item))
export const texts = listOf((item): item is string => typeof item === 'string')
export const idsOrPubkeys = listOf(isHex32)
const seconds = z.number().int().min(0)

const kindsSchema = z.object({ kinds: wholeNumbers })
const filterSchema = z.object({
  kinds: wholeNumbers,
  authors: idsOrPubkeys.optional(),
  ids: texts.optional(),
  since: seconds.optional(),
  until: seconds.optional(),
  limit: seconds.optional(),
})
const tagsSchema = z.record(z.string(), texts)

const expected: Record<string, string> = {
  kinds: 'an array of integers',
  authors: 'an array of pubkeys (64 lower-case hex characters each)',
  ids: 'an array of strings',
  since: 'an integer (seconds since the epoch)',
  until: 'an integer (seconds since the epoch)',
  limit: 'an integer from 0',
}

/**
 * Splits the filters of a REQ, COUNT or NEG-OPEN. One that does not name a key package kind is the relay's,
 * however odd. One whose kinds cannot be read is nobody's: a relay could take it for a key package query (I4).
 * @throws Refusal `invalid`, or `restricted` where too many ids and tag values are named beside authors
 */
export function splitFilters(filters: readonly unknown[], keyPackageKinds: readonly number[]): SplitFilters {
  const split = filters.map((filter) => splitFilter(filter, keyPackageKinds))
  const asked = split.flatMap((filter) => filter.asked ?? [])
  if (countValues(asked) > MOST_VALUES) {
    throw new Refusal('restricted', `at most ${MOST_VALUES} ids and tag values per key package query`)
  }
  return {
    asked,
    rest: split.flatMap((filter) => ('rest' in filter ? [filter.rest] : [])),
  }
}

/**
 * The same for what a relay answers with a number or with ids, which cannot be taken out of the answer: there has to be a
 * filter, and none may match key packages of others.
 * @throws Refusal the given one where a filter may, and as `splitFilters` does
 */
export function splitNaming(
  filters: readonly unknown[],
  keyPackageKinds: readonly number[],
  owners: ReadonlySet<string>,
  kindless: Refusal,
): SplitFilters {
  const split = splitFilters(filters, keyPackageKinds)
  if (filters.length === 0 || !split.rest.every((filter) => sparesKeyPackages(filter, owners))) throw kindless
  return split
}

/**
 * Whether a relay that counts or lists what a filter matches can tell nothing of key packages but their owner's: the
 * filter names its kinds, or these authors alone. Without kinds it would match those the relay has from earlier (I4).
 */
function sparesKeyPackages(filter: unknown, owners: ReadonlySet<string>): boolean {
  if (typeof filter !== 'object' || filter === null) return false
  if ('kinds' in filter && Array.isArray(filter.kinds) && filter.kinds.length > 0) return true
  if (!('authors' in filter) || !Array.isArray(filter.authors) || filter.authors.length === 0) return false
  return filter.authors.every((author) => owners.has(author))
}

function splitFilter(filter: unknown, keyPackageKinds: readonly number[]): SplitFilter {
  if (typeof filter !== 'object' || filter === null || !('kinds' in filter)) return { rest: filter }
  const { kinds } = read(kindsSchema, filter)
  const others = kinds.filter((kind) => !keyPackageKinds.includes(kind))
  if (others.length === kinds.length) return { rest: filter }
  const asked = readKeyPackageFilter(filter, keyPackageKinds)
  return others.length === 0 ? { asked } : { asked, rest: { ...filter, kinds: others } }
}

function readKeyPackageFilter(filter: object, keyPackageKinds: readonly number[]): KeyPackageFilter {
  const { kinds, authors = [], ids, since, until, limit } = read(filterSchema, filter)
  const tags = readTags(filter)
  const hint = readHint(filter)
  return {
    authors: [...new Set(authors)] as Pubkey[],
    narrowing: {
      kinds: keyPackageKinds.filter((kind) => kinds.includes(kind)),
      ...(ids && { ids }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(tags.length > 0 && { tags }),
    },
    ...(limit !== undefined && { limit }),
    ...(hint && { hint }),
  }
}

function readTags(filter: object): [letter: string, values: string[]][] {
  const tags = Object.entries(filter).filter(([key]) => /^#[a-zA-Z]$/.test(key) && key !== '#f')
  return Object.entries(read(tagsSchema, Object.fromEntries(tags))).map(([key, values]) => [
    key.slice(1),
    values,
  ])
}

function countValues(filters: readonly KeyPackageFilter[]): number {
  return filters
    .flatMap(({ narrowing: { ids = [], tags = [] } }) => [ids, ...tags.map(([, values]) => values)])
    .reduce((sum, values) => sum + values.length, 0)
}

function readHint(filter: object): EncodingHint | undefined {
  const wanted: unknown = '#f' in filter && filter['#f']
  if (!Array.isArray(wanted)) return undefined
  return wanted.find((value) => value === 'hex' || value === 'base64')
}

function read<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const key = String(result.error.issues[0]?.path[0])
  throw new Refusal('invalid', `filter \`${key}\` must be ${expected[key] ?? 'an array of strings'}`)
}
