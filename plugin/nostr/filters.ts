/** Splits the filters of a REQ, COUNT or NEG-OPEN (NIP-01) into the gateway's part and the relay's part. */

import { z } from 'zod'
import type { Narrowing } from '../store.ts'
import { isHex32 } from './event.ts'
import type { Pubkey } from './messages.ts'
import { Refusal } from './refusal.ts'

/** The encoding a client asks for with `#f` (adapters/client/README.md). */
export type EncodingHint = 'hex' | 'base64'

/** The part of a filter that asks for key packages. */
export interface KeyPackageFilter {
  /** Empty if the filter names none, which is not allowed for key packages. */
  readonly authors: readonly Pubkey[]
  readonly narrowing: Narrowing
  readonly limit?: number
  readonly hint?: EncodingHint
}

/** The filters of one message, split in two. */
export interface SplitFilters {
  /** The gateway's part. */
  readonly asked: readonly KeyPackageFilter[]
  /** The relay's part. A filter that names no key package kind stays the same object. */
  readonly rest: readonly unknown[]
}

interface SplitFilter {
  readonly asked?: KeyPackageFilter
  readonly rest?: unknown
}

/** Every value is compared with every tag of every package of every author, so their number is limited (I9). */
const MAX_VALUES = 100

/** The highest kind of NIP-01. */
const MAX_KIND = 65_535

/** Stops at the first invalid item: zod would report each, and a message can hold 250,000 (I9). */
const arrayOf = <Item>(isItem: (item: unknown) => item is Item) =>
  z.custom<Item[]>((value) => Array.isArray(value) && value.every(isItem))

export const wholeNumbers = arrayOf((item): item is number => Number.isSafeInteger(item))
export const texts = arrayOf((item): item is string => typeof item === 'string')
export const idsOrPubkeys = arrayOf(isHex32)
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
 * Splits the filters of a REQ, COUNT or NEG-OPEN. A filter without a key package kind is the relay's, valid or not. A
 * filter with invalid `kinds` is refused: a relay might read it as a key package query (I4).
 * @throws Refusal `invalid`, or `restricted` for too many ids and tag values
 */
export function splitFilters(filters: readonly unknown[], keyPackageKinds: readonly number[]): SplitFilters {
  const split = filters.map((filter) => splitFilter(filter, keyPackageKinds))
  const asked = split.flatMap((filter) => filter.asked ?? [])
  if (countValues(asked) > MAX_VALUES) {
    throw new Refusal('restricted', `at most ${MAX_VALUES} ids and tag values per key package query`)
  }
  return {
    asked,
    rest: split.flatMap((filter) => ('rest' in filter ? [filter.rest] : [])),
  }
}

/**
 * The same for COUNT and NEG-OPEN. A relay answers them with a number or with ids, from which key packages cannot be
 * removed, so there must be a filter, and no filter may match the key packages of others.
 * @throws Refusal `kindless` if a filter may match them; `invalid` for kinds that NIP-01 does not know; and those of
 *   `splitFilters`
 */
export function splitNaming(
  filters: readonly unknown[],
  keyPackageKinds: readonly number[],
  owners: ReadonlySet<string>,
  kindless: Refusal,
): SplitFilters {
  for (const filter of filters) requireKinds(filter)
  const split = splitFilters(filters, keyPackageKinds)
  if (filters.length === 0 || !split.rest.every((filter) => excludesKeyPackages(filter, owners)))
    throw kindless
  return split
}

/** A relay that keeps kinds in 16 bits could take 65,979 for 443. */
function requireKinds(filter: unknown): void {
  if (typeof filter !== 'object' || filter === null || !('kinds' in filter)) return
  const { kinds } = read(kindsSchema, filter)
  if (kinds.every((kind) => kind >= 0 && kind <= MAX_KIND)) return
  throw new Refusal('invalid', `filter \`kinds\` must be an array of integers from 0 to ${MAX_KIND}`)
}

/** Every id is compared with every package of the owner (I9). */
const MAX_LOOKED_UP = 1000

/**
 * The owners' part of filters without kinds: their own key packages that a filter names by `ids`. An invalid filter is the
 * relay's to refuse.
 */
export function lookUpsOf(
  filters: readonly unknown[],
  keyPackageKinds: readonly number[],
  owners: ReadonlySet<Pubkey>,
): KeyPackageFilter[] {
  let room = MAX_LOOKED_UP
  return filters.flatMap((filter) => {
    const lookUp = owners.size === 0 ? undefined : lookUpOf(filter, keyPackageKinds)
    const ids = lookUp?.narrowing.ids?.slice(0, room) ?? []
    if (lookUp === undefined || ids.length === 0) return []
    const authors = [...owners].filter(
      (owner) => lookUp.authors.length === 0 || lookUp.authors.includes(owner),
    )
    room -= ids.length
    return authors.length === 0 ? [] : [{ ...lookUp, authors, narrowing: { ...lookUp.narrowing, ids } }]
  })
}

function lookUpOf(filter: unknown, keyPackageKinds: readonly number[]): KeyPackageFilter | undefined {
  if (typeof filter !== 'object' || filter === null || 'kinds' in filter || !('ids' in filter))
    return undefined
  try {
    return readKeyPackageFilter({ ...filter, kinds: keyPackageKinds }, keyPackageKinds)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/**
 * Whether a filter that is counted or listed by a relay matches no key packages of others: it names its kinds, or only
 * these authors. Without kinds it would match the key packages that the relay has from earlier (I4).
 */
function excludesKeyPackages(filter: unknown, owners: ReadonlySet<string>): boolean {
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
