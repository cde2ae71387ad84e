/** Creates and reads the events that publish and delete key packages (NIP-EE, MIP-00, NIP-09). */

import type { EventTemplate, NostrEvent } from 'nostr-tools/core'
import { EventDeletion } from 'nostr-tools/kinds'
import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import { ciphersuites, type KeyPackage } from 'ts-mls'
import { extensionTypeToNumber } from 'ts-mls/extension.js'
import { base64ToBytes, bytesToBase64 } from 'ts-mls/util/byteArray.js'
import { showCode } from '../../plugin/key-package/ciphersuites.ts'
import { defaultEncoding } from '../../plugin/key-package/encoding.ts'
import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../plugin/key-package/kinds.ts'
import { type KeyPackageLike, readKeyPackage } from './mls.ts'

/** What `createKeyPackageEvent` puts into the event. */
export interface KeyPackageEventSettings {
  readonly keyPackage: KeyPackageLike
  /** The relays that have the author's packages, for the `relays` tag. */
  readonly relays: readonly string[]
  /** The `d` tag of a kind 30443 event, which replaces the author's earlier one in this slot. Default: kind 443. */
  readonly slot?: string
  /** The KeyPackageRef, for the `i` tag. */
  readonly ref?: Uint8Array
  /** Name of the app, for the `client` tag. It is public. */
  readonly client?: string
  /** Further tags, such as `['-']` (NIP-70) or `['expiration', ...]` (NIP-40). */
  readonly tags?: readonly string[][]
  /** Seconds since the epoch. Default: the clock of the machine. */
  readonly createdAt?: number
}

/**
 * The event that publishes a key package, for its author to sign.
 * @throws Error if it is not a KeyPackage, or more bytes follow it
 */
export function createKeyPackageEvent({
  keyPackage,
  relays,
  slot,
  ref,
  client,
  tags = [],
  createdAt = now(),
}: KeyPackageEventSettings): EventTemplate {
  const { keyPackage: read, bytes } = readKeyPackage(keyPackage)
  return {
    kind: slot === undefined ? KEY_PACKAGE_KIND : SLOT_KIND,
    created_at: createdAt,
    tags: [
      ...(slot === undefined ? [] : [['d', slot]]),
      ['mls_protocol_version', '1.0'],
      ['mls_ciphersuite', showCode(ciphersuites[read.cipherSuite])],
      ['mls_extensions', ...extensionsOf(read).map(showCode)],
      ['relays', ...relays],
      ...(client === undefined ? [] : [['client', client]]),
      ...(ref === undefined ? [] : [['i', bytesToHex(ref)]]),
      // Kind 30443 is always base64, and has no such tag.
      ...(slot === undefined ? [['encoding', 'base64']] : []),
      ...tags,
    ],
    content: bytesToBase64(bytes),
  }
}

/**
 * The KeyPackage in an event. Its MLS signatures are not verified here; ts-mls does so when it adds a member.
 * @throws Error if the content is not a KeyPackage
 */
export function getKeyPackage(event: Pick<NostrEvent, 'kind' | 'tags' | 'content'>): KeyPackage {
  return readKeyPackage(getKeyPackageBytes(event)).keyPackage
}

/**
 * Decodes the content of an event by its `encoding` tag; without one, kind 443 is hex and kind 30443 base64.
 * @throws Error if the content is not in that encoding, or the encoding is unknown
 */
export function getKeyPackageBytes({
  kind,
  tags,
  content,
}: Pick<NostrEvent, 'kind' | 'tags' | 'content'>): Uint8Array {
  const encoding = tags.find(([name]) => name === 'encoding')?.[1] ?? defaultEncoding(kind)
  if (encoding === 'hex') return hexToBytes(content)
  if (encoding !== 'base64') throw new Error(`unsupported encoding "${encoding}"`)
  return base64ToBytes(content.replaceAll('-', '+').replaceAll('_', '/'))
}

/**
 * The event that deletes key packages (NIP-09), for their author to sign.
 * @param packages ids of kind 443 events, or the events; kind 30443 events cannot be named by id alone
 * @param reason a text for people
 * @param createdAt seconds since the epoch; by default the clock of the machine
 */
export function createDeleteKeyPackageEvent(
  packages: string | NostrEvent | readonly (string | NostrEvent)[],
  reason = '',
  createdAt = now(),
): EventTemplate {
  const all = [packages].flat() as readonly (string | NostrEvent)[]
  const kinds = new Set(all.map((pkg) => (typeof pkg === 'string' ? KEY_PACKAGE_KIND : pkg.kind)))
  return {
    kind: EventDeletion,
    created_at: createdAt,
    tags: [
      ...all.map((pkg) => ['e', typeof pkg === 'string' ? pkg : pkg.id]),
      ...[...kinds].map((kind) => ['k', String(kind)]),
    ],
    content: reason,
  }
}

/** Supported extensions, and those the KeyPackage itself has: the tag has to list last_resort. */
function extensionsOf({ leafNode, extensions }: KeyPackage): number[] {
  const carried = extensions.map(({ extensionType }) => extensionTypeToNumber(extensionType))
  return [...new Set([...leafNode.capabilities.extensions, ...carried])]
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
