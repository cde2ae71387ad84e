/** Encodes and decodes the content of key package events, as published and as delivered (I8). */

import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import { SLOT_KIND } from './kinds.ts'

/** The values of an `encoding` tag. */
export type Encoding = 'hex' | 'base64'

/** How content is delivered; `as-published` never breaks the event's signature. */
export type DeliveryEncoding = Encoding | 'as-published'

/** An exact way to write bytes as text. Delivered content is in `hex` or `base64`. */
export type ContentForm =
  | 'hex'
  | 'hex-upper'
  | 'base64'
  | 'base64-unpadded'
  | 'base64url'
  | 'base64url-unpadded'

const FORMS: Readonly<Record<Encoding, readonly ContentForm[]>> = {
  hex: ['hex', 'hex-upper'],
  base64: ['base64', 'base64-unpadded', 'base64url', 'base64url-unpadded'],
}

/** Whether the value of an `encoding` tag is a known encoding. */
export function isEncoding(text: string | undefined): text is Encoding {
  return text === 'hex' || text === 'base64'
}

/** The encoding of content without an `encoding` tag. */
export function defaultEncoding(kind: number): Encoding {
  return kind === SLOT_KIND ? 'base64' : 'hex'
}

/** Decoded content, and the form that encodes the bytes to exactly the same text. */
export interface Content {
  readonly bytes: Uint8Array
  readonly form: ContentForm
}

/** @throws Refusal if no form gives the same text: mixed alphabets or cases, white space, stray bits, odd lengths */
export function readContent(content: string, encoding: Encoding): Content {
  const bytes = Buffer.from(content, encoding)
  const form = FORMS[encoding].find((candidate) => writeContent(bytes, candidate) === content)
  if (form === undefined) throw new Refusal('invalid', notEncoded[encoding])
  return { bytes, form }
}

const notEncoded: Readonly<Record<Encoding, string>> = {
  hex: 'content is not hex: expected an even number of digits, all upper or all lower case (for base64, add the tag ["encoding","base64"])',
  base64:
    'content is not base64: expected the standard or the URL-safe alphabet, no white space, and zero as padding bits',
}

/** The bytes as text in this form. */
export function writeContent(bytes: Uint8Array, form: ContentForm): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (form === 'hex') return buffer.toString('hex')
  if (form === 'hex-upper') return buffer.toString('hex').toUpperCase()
  if (form === 'base64url-unpadded') return buffer.toString('base64url')
  const base64 = buffer.toString('base64')
  if (form === 'base64') return base64
  if (form === 'base64-unpadded') return base64.replaceAll('=', '')
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}

/** The event of a package, as a store keeps it. */
export interface StoredEvent {
  /** JSON text of the signed event, its `content` replaced by the package's bytes in canonical base64. */
  readonly event: string
  /** How the content was written, so that it can be given back exactly (I8). */
  readonly contentForm: ContentForm
}

/** An event as a store keeps it: JSON with only the fields of NIP-01, the content in standard base64. */
export function storedText(event: SignedEvent, bytes: Uint8Array): string {
  return JSON.stringify(withContent(event, writeContent(bytes, 'base64'), event.tags))
}

/** A stored event as its author published it. */
function publishedEvent(stored: StoredEvent): SignedEvent {
  const event = JSON.parse(stored.event) as SignedEvent
  return stored.contentForm === 'base64' ? event : rewritten(event, stored.contentForm, event.tags)
}

/** A stored event as it is delivered: re-encoded if necessary, but never for kind 30443 (I8). */
export function deliveredEvent(stored: StoredEvent, encoding: DeliveryEncoding): SignedEvent {
  if (encoding === 'as-published' || encoding === stored.contentForm) return publishedEvent(stored)
  const event = JSON.parse(stored.event) as SignedEvent
  if (event.kind === SLOT_KIND) return publishedEvent(stored)
  return rewritten(event, encoding, withEncodingTag(event.tags, encoding))
}

function rewritten(event: SignedEvent, form: ContentForm, tags: SignedEvent['tags']): SignedEvent {
  return withContent(event, writeContent(Buffer.from(event.content, 'base64'), form), tags)
}

/** A copy with other content and tags, without the mark with which nostr-tools remembers that an event was verified. */
export function withContent<Event extends SignedEvent>(
  { id, pubkey, created_at, kind, sig }: Event,
  content: string,
  tags: Event['tags'],
): Event {
  return { id, pubkey, created_at, kind, tags, content, sig } as Event
}

/** The tags with this `encoding`: the existing tag is changed, else one is added at the end. */
export function withEncodingTag(tags: SignedEvent['tags'], encoding: string): SignedEvent['tags'] {
  const existing = tags.find(([name]) => name === 'encoding')
  if (existing === undefined) return [...tags, ['encoding', encoding]]
  return tags.with(tags.indexOf(existing), ['encoding', encoding, ...existing.slice(2)])
}
