/** The events that publish and delete key packages (NIP-EE, MIP-00, NIP-09): how they are made and read. */

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

/** What the event of a key package says. */
export interface KeyPackageEventSettings {
  readonly keyPackage: KeyPackageLike
  /** Where the author's packages are. */
  readonly relays: readonly string[]
  /** Makes it a kind 30443 event, which takes the place of the one in this slot (its `d` tag). */
  readonly slot?: string
  /** The KeyPackageRef, for the `i` tag. */
  readonly ref?: Uint8Array
  /** Name of the client. Anybody can read it. */
  readonly client?: string
  /** Further tags, such as `['-']` (NIP-70) or `['expiration', ...]` (NIP-40). */
  readonly tags?: readonly string[][]
  /** Seconds since the epoch; the machine's clock by default. */
  readonly createdAt?: number
}

/** The event that publishes a key package, to be signed by its author. @throws Error where it is none */
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
      // Kind 30443 has no such tag: it is always base64.
      ...(slot === undefined ? [['encoding', 'base64']] : []),
      ...tags,
    ],
    content: bytesToBase64(bytes),
  }
}

/**
 * The key package in an event, as ts-mls has it. Its signatures are MLS's to check; ts-mls does as it adds somebody.
 * @throws Error where there is none
 */
export function getKeyPackage(event: Pick<NostrEvent, 'kind' | 'tags' | 'content'>): KeyPackage {
  return readKeyPackage(contentOf(event)).keyPackage
}

/**
 * The bytes of an event's content, as the `encoding` tag says, or the kind where there is none.
 * @throws Error where they are not in that encoding, or there is no such encoding
 */
export function contentOf({
  kind,
  tags,
  content,
}: Pick<NostrEvent, 'kind' | 'tags' | 'content'>): Uint8Array {
  const encoding = tags.find(([name]) => name === 'encoding')?.[1] ?? defaultEncoding(kind)
  if (encoding === 'hex') return hexToBytes(content)
  if (encoding !== 'base64') throw new Error(`there is no encoding "${encoding}"`)
  return base64ToBytes(content.replaceAll('-', '+').replaceAll('_', '/'))
}

/**
 * The event that deletes key packages (NIP-09), given by id or as their events; slots (kind 30443) as their events.
 * @param reason for people to read
 * @param createdAt seconds since the epoch; the machine's clock by default
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

/** What its author says the package supports and carries; the tag has to announce last_resort. */
function extensionsOf({ leafNode, extensions }: KeyPackage): number[] {
  const carried = extensions.map(({ extensionType }) => extensionTypeToNumber(extensionType))
  return [...new Set([...leafNode.capabilities.extensions, ...carried])]
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
