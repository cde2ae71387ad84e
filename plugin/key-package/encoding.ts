/** How a key package's bytes are written into an event's content, as published and as delivered (I8). */

import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import { SLOT_KIND } from './kinds.ts'

/** What an `encoding` tag may say. */
export type Encoding = 'hex' | 'base64'

/** What the content of a delivered event should be; `as-published` never breaks its signature. */
export type DeliveryEncoding = Encoding | 'as-published'

/** A way to write bytes that gives exactly one text for them. `hex` and `base64` are what is delivered. */
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

/** The encoding of an event's content, or what its tag says instead. */
export function isEncoding(text: string | undefined): text is Encoding {
  return text === 'hex' || text === 'base64'
}

/** What a content is where no tag says so. */
export function defaultEncoding(kind: number): Encoding {
  return kind === SLOT_KIND ? 'base64' : 'hex'
}

/** What a content holds, and the form that gives this very content back. */
export interface Content {
  readonly bytes: Uint8Array
  readonly form: ContentForm
}

/** @throws Refusal where no form does: mixed alphabets or cases, white space, stray bits, odd lengths */
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

/** The only text that the form has for these bytes. */
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

/** An event as a store keeps it: JSON text with NIP-01's fields alone, the content in canonical base64. */
export function storedText(event: SignedEvent, bytes: Uint8Array): string {
  return JSON.stringify(withContent(event, writeContent(bytes, 'base64'), event.tags))
}

/** A stored event as its author published it. */
function publishedEvent(stored: StoredEvent): SignedEvent {
  const event = JSON.parse(stored.event) as SignedEvent
  return stored.contentForm === 'base64' ? event : rewritten(event, stored.contentForm, event.tags)
}

/** A stored event as it is handed out: re-encoded if it has to be, which kind 30443 never is (I8). */
export function deliveredEvent(stored: StoredEvent, encoding: DeliveryEncoding): SignedEvent {
  if (encoding === 'as-published' || encoding === stored.contentForm) return publishedEvent(stored)
  const event = JSON.parse(stored.event) as SignedEvent
  if (event.kind === SLOT_KIND) return publishedEvent(stored)
  return rewritten(event, encoding, announce(event.tags, encoding))
}

function rewritten(event: SignedEvent, form: ContentForm, tags: SignedEvent['tags']): SignedEvent {
  return withContent(event, writeContent(Buffer.from(event.content, 'base64'), form), tags)
}

/** An unverified copy: nostr-tools marks events with what verifying them said, and that mark must not travel on. */
export function withContent<Event extends SignedEvent>(
  { id, pubkey, created_at, kind, sig }: Event,
  content: string,
  tags: Event['tags'],
): Event {
  return { id, pubkey, created_at, kind, tags, content, sig } as Event
}

/** Says in the `encoding` tag how the content is written: in the one that is there, else in one added last. */
export function announce(tags: SignedEvent['tags'], encoding: string): SignedEvent['tags'] {
  const place = tags.findIndex(([name]) => name === 'encoding')
  if (place === -1) return [...tags, ['encoding', encoding]]
  return tags.with(place, ['encoding', encoding, ...(tags[place] ?? []).slice(2)])
}
