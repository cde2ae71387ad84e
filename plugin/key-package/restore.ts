/** How a client undoes what re-encoding did to an event (I8). It runs in browsers too, which have no Buffer. */

import { getEventHash } from 'nostr-tools/pure'
import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import { base64ToBytes, bytesToBase64 } from 'ts-mls/util/byteArray.js'
import type { SignedEvent } from '../nostr/messages.ts'
import { announce, type Encoding, isEncoding, withContent } from './encoding.ts'

const ENCODINGS: readonly Encoding[] = ['hex', 'base64']

/**
 * Gives back the event its author signed, for clients that were sent it re-encoded. That it is the original is
 * proved by its id; whether the signature is good remains to be verified. An event that already hashes to its
 * id is returned as it is.
 * @throws Error if this is no re-encoding of the event with this id
 */
export function restoreSignedEvent<Event extends SignedEvent>(event: Event): Event {
  if (hasOwnId(event)) return event
  const contents = possibleContents(event)
  for (const tags of possibleTags(event.tags)) {
    for (const content of contents) {
      const original = withContent(event, content, tags)
      if (hasOwnId(original)) return original
    }
  }
  throw new Error(
    `event ${event.id} is not a re-encoded key package: no encoding of its content matches its id`,
  )
}

/** The tags that `announce` may have been given: it replaced a value, or added the tag last. */
function possibleTags(tags: SignedEvent['tags']): SignedEvent['tags'][] {
  const without = tags.at(-1)?.[0] === 'encoding' ? [tags.slice(0, -1)] : []
  return [...ENCODINGS.map((encoding) => announce(tags, encoding)), ...without]
}

/** A delivered content in each form that its author may have written (`ContentForm`). */
function possibleContents({ tags, content }: SignedEvent): string[] {
  const bytes = deliveredBytes(content, tags.find(([name]) => name === 'encoding')?.[1])
  if (bytes === undefined) return []
  const hex = bytesToHex(bytes)
  const base64 = bytesToBase64(bytes)
  const base64url = base64.replaceAll('+', '-').replaceAll('/', '_')
  const padded = [base64, base64url]
  return [hex, hex.toUpperCase(), ...padded, ...padded.map((text) => text.replaceAll('=', ''))]
}

/** The bytes of a content as it is delivered; undefined where it is not. */
function deliveredBytes(content: string, encoding: string | undefined): Uint8Array | undefined {
  if (!isEncoding(encoding)) return undefined
  try {
    return encoding === 'hex' ? hexToBytes(content) : base64ToBytes(content)
  } catch {
    return undefined
  }
}

function hasOwnId(event: SignedEvent): boolean {
  return getEventHash(event) === event.id
}
