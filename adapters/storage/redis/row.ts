/**
 * How a package stands in Redis, as three lines. The first is what the scripts go by (`headerOf` in places.lua): id,
 * expiry, last_resort, creation time, kind, KeyPackageRef, slot or `-`, then a token for each tag. The second has the
 * rest as JSON, the third the event.
 */

import { createHash } from 'node:crypto'
import type { ContentForm } from '../../../plugin/key-package/encoding.ts'
import type { KeyPackageRef } from '../../../plugin/key-package/mls.ts'
import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import type {
  Exposure,
  Narrowing,
  Selector,
  StockedPackage,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import { StoreError } from '../../../plugin/store-error.ts'

/** An author's `order` (layout.lua) is a head, then a place for each package; in bytes. */
export const HEAD_LENGTH = 44
export const PLACE_LENGTH = 26

const HEX_32 = /^[0-9a-f]{64}$/

type Rest = readonly [contentForm: ContentForm, tags: StockedPackage['tags'], slot?: string]

export function encodeRow(pkg: StoredKeyPackage): string {
  const { id, ref, kind, createdAt, expiresAt, lastResort, slot, tags, contentForm, event } = pkg
  const slotToken = slot === undefined ? '-' : token('d', slot)
  const header = [id, expiresAt, Number(lastResort), createdAt, kind, ref, slotToken]
  for (const [letter, value] of tags) header.push(token(letter, value))
  const rest: Rest = slot === undefined ? [contentForm, tags] : [contentForm, tags, slot]
  return `${header.join(' ')}\n${JSON.stringify(rest)}\n${event}`
}

/** @throws StoreError where the event is not the author's, or not the one of that id (I4) */
export function decodeRow(author: Pubkey, row: string, exposure?: Exposure): StoredKeyPackage {
  const { restEnd, contentForm, ...pkg } = decodeHead(author, row, exposure)
  const event = row.slice(restEnd + 1)
  if (!says(event, 'pubkey', author) || !says(event, 'id', pkg.id))
    throw new StoreError('Redis: a key package is not the one that was asked for')
  return { ...pkg, event, contentForm }
}

/** What a row says before its event, and where that ends. */
export function decodeHead(
  author: Pubkey,
  row: string,
  exposure?: Exposure,
): Omit<StoredKeyPackage, 'event'> & { readonly restEnd: number } {
  const headerEnd = row.indexOf('\n')
  const restEnd = row.indexOf('\n', headerEnd + 1)
  const [id, expiresAt, lastResort, createdAt, kind, ref] = row.slice(0, headerEnd).split(' ', 6)
  const [contentForm, tags, slot] = JSON.parse(row.slice(headerEnd + 1, restEnd)) as Rest
  return {
    restEnd,
    id: id as EventId,
    ref: ref as KeyPackageRef,
    author,
    kind: Number(kind),
    createdAt: Number(createdAt),
    expiresAt: Number(expiresAt),
    lastResort: lastResort === '1',
    tags,
    contentForm,
    ...(slot !== undefined && { slot }),
    ...(exposure !== undefined && { exposure }),
  }
}

/** The field of an author's stock that has the row of this number (layout.lua). */
export function rowName(row: number): Buffer {
  const name = Buffer.alloc(4)
  name.writeUInt32BE(row)
  return name
}

/** Whether an event has that value, without parsing it: within a text of it, quotes would be escaped. */
function says(event: string, name: 'id' | 'pubkey', value: string): boolean {
  return event.includes(`"${name}":"${value}"`)
}

/** What selection.lua is told that a claim wants. */
export function encodeWanted(narrowings: readonly Narrowing[]): string {
  if (narrowings.every(isPlain)) {
    const wants = (kind: number) => narrowings.some(({ kinds }) => kinds.includes(kind))
    return `${wants(443) ? 'p' : ''}${wants(30443) ? 's' : ''}`
  }
  return JSON.stringify(narrowings.map(encodeNarrowing))
}

/** What drop.lua is told that is deleted. */
export function encodeSelector(which: Selector): (string | number)[] {
  switch (which.by) {
    case 'id':
      return [which.by, '', ...which.ids]
    case 'slot':
      return [which.by, which.createdUntil, ...which.slots.map((slot) => token('d', slot))]
    case 'author':
      return [which.by, which.createdUntil]
  }
}

/** Stands for a tag's value, of any length and content, in a header. */
function token(letter: string, value: string): string {
  return `${letter}${createHash('sha256').update(value, 'utf16le').digest('base64url').slice(0, 24)}`
}

function isPlain({ ids, since, until, tags }: Narrowing): boolean {
  return (ids ?? since ?? until ?? tags) === undefined
}

/** Ids are what is left of them that could be one: the scripts' JSON reader fails on odd text. */
function encodeNarrowing({ tags = [], ids, ...narrowing }: Narrowing): object {
  return {
    ...narrowing,
    ...(ids && { ids: ids.filter((id) => HEX_32.test(id)) }),
    tags: tags.map(([letter, values]) => values.map((value) => token(letter, value))),
  }
}
