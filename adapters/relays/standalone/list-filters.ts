/** The filters of a REQ or COUNT that relay lists can match, and how many of them a client may ask for. */

import type { Filter } from 'nostr-tools/filter'
import { z } from 'zod'
import { RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { idsOrPubkeys, texts, wholeNumbers } from '../../../plugin/nostr/filters.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'

/** A filter for relay lists: it names the kinds and the authors, and holds nothing that cannot match. */
export type ListFilter = Filter & Required<Pick<Filter, 'kinds' | 'authors'>>

const MAX_FILTERS = 20
/** The lists of all authors of a message are read at once, and each is compared with every value (I9). Clients name about 200. */
const MAX_VALUES = 1000
const wholeNumber = z.number().int().min(0)
const filterSchema = z.object({
  ids: idsOrPubkeys.exactOptional(),
  authors: idsOrPubkeys.exactOptional(),
  kinds: wholeNumbers.exactOptional(),
  since: wholeNumber.exactOptional(),
  until: wholeNumber.exactOptional(),
  limit: wholeNumber.exactOptional(),
})

/**
 * Filters without authors are left out: lists are found by their author alone.
 * @throws Refusal
 */
export function readFilters(filters: readonly unknown[]): ListFilter[] {
  if (filters.length > MAX_FILTERS) throw new Refusal('invalid', `at most ${MAX_FILTERS} filters`)
  const read = filters.flatMap(readFilter)
  const values = read.reduce((sum, filter) => sum + valuesIn(filter), 0)
  if (values <= MAX_VALUES) return read
  throw new Refusal(
    'blocked',
    `at most ${MAX_VALUES} ids, authors and tag values in the filters for relay lists`,
  )
}

function readFilter(filter: unknown): ListFilter[] {
  const { success, data } = filterSchema.safeParse(filter)
  if (!success) throw new Refusal('invalid', 'not a valid NIP-01 filter')
  const tags = readTags(filter as object)
  const kinds = RELAY_LIST_KINDS.filter((kind) => data.kinds?.includes(kind) ?? true)
  const authors = [...new Set(data.authors)]
  return kinds.length === 0 || authors.length === 0 ? [] : [{ ...tags, ...data, kinds, authors }]
}

function readTags(filter: object): Filter {
  const tags = Object.entries(filter).filter(([key]) => key.startsWith('#'))
  if (tags.some(([, values]) => !texts.safeParse(values).success))
    throw new Refusal('invalid', 'not a valid NIP-01 filter')
  return Object.fromEntries(tags)
}

function valuesIn({ kinds, ...lists }: ListFilter): number {
  return Object.values(lists).reduce<number>(
    (sum, values) => sum + (Array.isArray(values) ? values.length : 0),
    0,
  )
}
