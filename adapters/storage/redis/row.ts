/**
 * The Redis encoding of a package with its event, in three lines: what the rules need; the encoding of its content, its tags
 * and its slot as JSON; the event. Its exposure is kept in the stock.
 */

import type { ContentForm } from '../../../plugin/key-package/encoding.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import {
  type Exposure,
  type StockedPackage,
  type StoredKeyPackage,
  StoreError,
} from '../../../plugin/store.ts'

type Rest = readonly [contentForm: ContentForm, tags: StockedPackage['tags'], slot?: string]

export function encodeRow(pkg: StoredKeyPackage): string {
  const { id, ref, kind, createdAt, expiresAt, receivedAt, lastResort, slot, tags, contentForm, event } = pkg
  const header = [
    id,
    expiresAt,
    Number(lastResort),
    createdAt,
    kind,
    ref,
    ...(receivedAt === undefined ? [] : [receivedAt]),
  ]
  const rest: Rest = slot === undefined ? [contentForm, tags] : [contentForm, tags, slot]
  return `${header.join(' ')}\n${JSON.stringify(rest)}\n${event}`
}

/** @throws StoreError if the event is not the author's, or its id does not match (I4) */
export function decodeRow(author: Pubkey, row: string, exposure?: Exposure): StoredKeyPackage {
  const headerEnd = row.indexOf('\n')
  const restEnd = row.indexOf('\n', headerEnd + 1)
  const header = row.slice(0, headerEnd).split(' ', 7)
  const [id = '', expiresAt, lastResort, createdAt, kind, ref = '', receivedAt] = header
  const [contentForm, tags, slot] = JSON.parse(row.slice(headerEnd + 1, restEnd)) as Rest
  const event = row.slice(restEnd + 1)
  if (!says(event, 'pubkey', author) || !says(event, 'id', id))
    throw new StoreError('Redis: a key package belongs to another author or id')
  return {
    id,
    ref,
    author,
    kind: Number(kind),
    createdAt: Number(createdAt),
    expiresAt: Number(expiresAt),
    lastResort: lastResort === '1',
    tags,
    event,
    contentForm,
    // Rows of earlier versions lack it.
    ...(receivedAt !== undefined && { receivedAt: Number(receivedAt) }),
    ...(slot !== undefined && { slot }),
    ...(exposure !== undefined && { exposure }),
  }
}

/** Whether an event has that value, without parsing it: inside a JSON string, quotes would be escaped. */
function says(event: string, name: 'id' | 'pubkey', value: string): boolean {
  return event.includes(`"${name}":"${value}"`)
}
