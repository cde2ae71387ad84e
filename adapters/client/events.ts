/** Creates and reads the events that publish and delete key packages (NIP-EE, MIP-00, Marmot, NIP-09). */

import type { EventTemplate, NostrEvent } from 'nostr-tools/core'
import { EventDeletion } from 'nostr-tools/kinds'
import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import { ciphersuites, type KeyPackage } from 'ts-mls'
import { base64ToBytes, bytesToBase64 } from 'ts-mls/util/byteArray.js'
import { showCode } from '../../plugin/key-package/codes.ts'
import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../plugin/key-package/kinds.ts'
import { FIRST_PRIVATE_COMPONENT, supportedComponents } from './components.ts'
import type { Generation } from './generation.ts'
import {
  asMlsMessage,
  calculateKeyPackageRef,
  type KeyPackageLike,
  namedExtensions,
  readKeyPackage,
} from './mls.ts'

/** What `createKeyPackageEvent` puts into the event. */
export interface KeyPackageEventSettings {
  readonly keyPackage: KeyPackageLike
  /** By which documents the event is made. Default: `marmot`. */
  readonly generation?: Generation
  /**
   * The `d` tag of a kind 30443 event, which replaces the author's earlier one in this slot. With `marmot` it must be one
   * of `createSlotId`; `nip-ee` has no slots. Default: kind 443, a one-time package.
   */
  readonly slot?: string
  /** The relays that have the author's packages, for the `relays` tag. The slots of `marmot` have no such tag. */
  readonly relays?: readonly string[]
  /** Name of the app, for the `client` tag. It is public. The slots of `marmot` have no such tag. */
  readonly client?: string
  /** Further tags, such as `['-']` (NIP-70) or `['expiration', ...]` (NIP-40). */
  readonly tags?: readonly string[][]
  /** Seconds since the epoch. Default: the clock of the machine. */
  readonly createdAt?: number
}

/**
 * The event that publishes a key package, for its author to sign.
 * @throws Error if it is not a KeyPackage, or not one of this generation; if more bytes follow it; or if the slot is not
 *   valid
 */
export async function createKeyPackageEvent({
  keyPackage,
  generation = 'marmot',
  slot,
  relays = [],
  client,
  tags = [],
  createdAt = now(),
}: KeyPackageEventSettings): Promise<EventTemplate> {
  checkSlot(slot, generation)
  const { keyPackage: read, bytes } = readKeyPackage(keyPackage)
  const ref = bytesToHex(await calculateKeyPackageRef(bytes))
  const isMarmotSlot = slot !== undefined && generation === 'marmot'
  return {
    kind: slot === undefined ? KEY_PACKAGE_KIND : SLOT_KIND,
    created_at: createdAt,
    tags: [
      ...(slot === undefined ? [] : [['d', slot]]),
      ...tagsOf[generation](read, ref),
      ...(isMarmotSlot ? [] : tagsForOlderClients(relays, client)),
      ...tags,
    ],
    // Clients that read kind 443 expect a bare KeyPackage.
    content: bytesToBase64(isMarmotSlot ? asMlsMessage(read) : bytes),
  }
}

/** A new name for a device's slot: 64 lower-case hex characters, as Marmot requires. Keep it beside the private keys. */
export function createSlotId(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(32)))
}

/**
 * The KeyPackage in an event of any generation. Its MLS signatures are not verified here; ts-mls does so when it adds a
 * member.
 * @throws Error if the content is not a KeyPackage
 */
export function getKeyPackage(event: Pick<NostrEvent, 'tags' | 'content'>): KeyPackage {
  return readKeyPackage(contentBytes(event)).keyPackage
}

/**
 * The TLS-serialised KeyPackage in an event of any generation, without an MLSMessage around it.
 * @throws Error if the content is not a KeyPackage
 */
export function getKeyPackageBytes(event: Pick<NostrEvent, 'tags' | 'content'>): Uint8Array {
  return readKeyPackage(contentBytes(event)).bytes
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

/** What the tags say about the KeyPackage, in the order in which clients of the generation write them. */
const tagsOf: Readonly<Record<Generation, (keyPackage: KeyPackage, ref: string) => string[][]>> = {
  'nip-ee': (keyPackage) => [
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', codeOf(keyPackage)],
    ['mls_extensions', ...namedExtensions(keyPackage).map(showCode)],
  ],
  'mip-00': (keyPackage, ref) => {
    const { proposals } = keyPackage.leafNode.capabilities
    return [
      ...tagsOf['nip-ee'](keyPackage, ref),
      ...(proposals.length === 0 ? [] : [['mls_proposals', ...proposals.map(showCode)]]),
      ['i', ref],
    ]
  },
  marmot: (keyPackage, ref) => {
    const { capabilities, extensions } = keyPackage.leafNode
    const components = supportedComponents(extensions)
    if (components === undefined) {
      throw new Error('not a key package of the generation marmot: its leaf node lists no components')
    }
    return [
      ['mls_protocol_version', '1.0'],
      ['i', ref],
      ['mls_ciphersuite', codeOf(keyPackage)],
      ['mls_extensions', ...capabilities.extensions.map(showCode)],
      ['mls_proposals', ...capabilities.proposals.map(showCode)],
      ['app_components', ...components.filter((id) => id >= FIRST_PRIVATE_COMPONENT).map(showCode)],
    ]
  },
}

function codeOf({ cipherSuite }: KeyPackage): string {
  return showCode(ciphersuites[cipherSuite])
}

function tagsForOlderClients(relays: readonly string[], client: string | undefined): string[][] {
  return [
    ['relays', ...relays],
    ...(client === undefined ? [] : [['client', client]]),
    ['encoding', 'base64'],
  ]
}

function checkSlot(slot: string | undefined, generation: Generation): void {
  if (slot === undefined) return
  if (generation === 'nip-ee') throw new Error('nip-ee has no slots')
  if (slot === '') throw new Error('a slot must have a name')
  if (generation === 'marmot' && !/^[0-9a-f]{64}$/.test(slot)) {
    throw new Error(
      `a slot must be 64 lower-case hex characters, such as those of createSlotId, not "${slot}"`,
    )
  }
}

/** Hex of the version of a KeyPackage or MLSMessage. Base64 of the same bytes begins with `AAE`. */
const HEX = /^0001([0-9a-f]{2})*$/i

/** By the `encoding` tag; without one it is what the content looks like, for clients disagree on the default. */
function contentBytes({ tags, content }: Pick<NostrEvent, 'tags' | 'content'>): Uint8Array {
  const [, encoding = HEX.test(content) ? 'hex' : 'base64'] = tags.find(([name]) => name === 'encoding') ?? []
  if (encoding === 'hex') return hexToBytes(content)
  if (encoding !== 'base64') throw new Error(`unsupported encoding "${encoding}"`)
  return base64ToBytes(content.replaceAll('-', '+').replaceAll('_', '/'))
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
