/** Undoes the re-encoding of a delivered event (I8). It also runs in browsers, which have no Buffer. */

import { getEventHash } from 'nostr-tools/pure'
import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import { base64ToBytes, bytesToBase64 } from 'ts-mls/util/byteArray.js'
import type { SignedEvent } from '../nostr/messages.ts'
import { type Encoding, isEncoding, withContent, withEncodingTag } from './encoding.ts'

const ENCODINGS: readonly Encoding[] = ['hex', 'base64']

/**
 * Restores the event that its author signed from a re-encoded one. The result matches its id; its signature is not
 * verified here. An event that already matches its id is returned unchanged.
 * @throws Error if the event is not a re-encoding of the event with its id
 */
export function restoreSignedEvent<Event extends SignedEvent>(event: Event): Event {
  if (matchesId(event)) return event
  const contents = possibleContents(event)
  for (const tags of possibleTags(event.tags)) {
    for (const content of contents) {
      const original = withContent(event, content, tags)
      if (matchesId(original)) return original
    }
  }
  throw new Error(
    `event ${event.id} is not a re-encoded key package: no encoding of its content matches its id`,
  )
}

/** The tags before `withEncodingTag`, which has changed a value or added a tag at the end. */
function possibleTags(tags: SignedEvent['tags']): SignedEvent['tags'][] {
  const without = tags.at(-1)?.[0] === 'encoding' ? [tags.slice(0, -1)] : []
  return [...ENCODINGS.map((encoding) => withEncodingTag(tags, encoding)), ...without]
}

/** The content in each form that its author may have used (`ContentForm`). */
function possibleContents({ tags, content }: SignedEvent): string[] {
  const bytes = deliveredBytes(content, tags.find(([name]) => name === 'encoding')?.[1])
  if (bytes === undefined) return []
  const hex = bytesToHex(bytes)
  const base64 = bytesToBase64(bytes)
  const base64url = base64.replaceAll('+', '-').replaceAll('/', '_')
  const padded = [base64, base64url]
  return [hex, hex.toUpperCase(), ...padded, ...padded.map((text) => text.replaceAll('=', ''))]
}

/** The bytes of delivered content; undefined if it cannot be decoded. */
function deliveredBytes(content: string, encoding: string | undefined): Uint8Array | undefined {
  if (!isEncoding(encoding)) return undefined
  try {
    return encoding === 'hex' ? hexToBytes(content) : base64ToBytes(content)
  } catch {
    return undefined
  }
}

function matchesId(event: SignedEvent): boolean {
  return getEventHash(event) === event.id
}
