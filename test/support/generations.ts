/** Key package events exactly as each real client writes them: real MLS bytes, valid signatures, its tags in its order. */

import { createHash } from 'node:crypto'
import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import type { Extension } from 'ts-mls'
import { keyPackageRef } from '../../plugin/key-package/decode.ts'
import { vectorHeader } from '../../plugin/key-package/tls-reader.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import {
  type KeyPackageSettings,
  type MadeKeyPackage,
  makeKeyPackage,
  NOW,
  signEvent,
} from './key-packages.ts'
import type { Person } from './people.ts'

const HOUR = 3600
const DAY = 86_400
const RELAYS = ['wss://relay.example.com']

const LAST_RESORT = 0x000a
const NOSTR_GROUP_DATA = 0xf2ee
const APP_DATA_DICTIONARY = 0x0006

/** Components of the app_data_dictionary. */
const APP_COMPONENTS = 0x0001
const SAFE_AAD = 0x0002
const LAST_RESORT_COMPONENT = 0x0004
const ACCOUNT_PROOF = 0x8009
const MARMOT_COMPONENTS = [0x8001, 0x8003, 0x8004, ACCOUNT_PROOF]

/** What a published event says of a KeyPackage. */
export type PublishableKeyPackage = Pick<MadeKeyPackage, 'bytes' | 'message' | 'ciphersuite'>

export interface GenerationSettings {
  /** Seconds since the epoch; the lifetime of the KeyPackage begins an hour before. */
  readonly createdAt?: number
  /** The KeyPackage to publish; without it, a new one of the client's kind. */
  readonly keyPackage?: PublishableKeyPackage
  /** `relays`; each client has its own default. */
  readonly relays?: readonly string[]
}

export interface SlotSettings extends GenerationSettings {
  /** `d`; each client has its own default. */
  readonly slot?: string
}

/** A KeyPackage of the Marmot specification: component 0x0004 as last resort, an account proof, 84 days. */
export function marmotKeyPackage(
  author: Person,
  now = NOW,
  changes: KeyPackageSettings = {},
): Promise<MadeKeyPackage> {
  return makeKeyPackage(author, {
    now,
    lifetime: { notBefore: now - HOUR, notAfter: now + 84 * DAY },
    lastResort: null,
    extensions: [appData([[LAST_RESORT_COMPONENT, Buffer.alloc(0)]])],
    leafExtensions: (signatureKey) => [
      appData([
        [APP_COMPONENTS, componentList([APP_COMPONENTS, ...MARMOT_COMPONENTS])],
        [SAFE_AAD, componentList([])],
        [ACCOUNT_PROOF, accountProof(author, signatureKey, now)],
      ]),
    ],
    capabilities: { extensions: [0x0003, APP_DATA_DICTIONARY], proposals: [0x0008, 0x000a] },
    ...changes,
  })
}

/** A KeyPackage of MIP-00: extension last_resort. */
export function mipKeyPackage(
  author: Person,
  now = NOW,
  lifetimeSeconds = 84 * DAY,
  changes: KeyPackageSettings = {},
): Promise<MadeKeyPackage> {
  return makeKeyPackage(author, {
    lifetime: { notBefore: now - HOUR, notAfter: now + lifetimeSeconds },
    capabilities: { extensions: [LAST_RESORT, NOSTR_GROUP_DATA], proposals: [0x000a] },
    ...changes,
  })
}

/** A KeyPackage without any extension, as Loxation makes it. */
export function bareKeyPackage(
  author: Person,
  now = NOW,
  changes: KeyPackageSettings = {},
): Promise<MadeKeyPackage> {
  return makeKeyPackage(author, { now, lastResort: null, capabilities: { extensions: [] }, ...changes })
}

/** mdk since its move to the Marmot specification, and whitenoise on it. Its `d` is stable for each author. */
export async function mdkEvent(author: Person, settings: SlotSettings = {}): Promise<SignedEvent> {
  const { createdAt = NOW, slot = stableSlot(author) } = settings
  const { keyPackage = await marmotKeyPackage(author, createdAt) } = settings
  const tags = [
    ['d', slot],
    ['mls_protocol_version', '1.0'],
    ['i', refOf(keyPackage)],
    ['mls_ciphersuite', '0x0001'],
    ['mls_extensions', '0x0003', '0x0006'],
    ['mls_proposals', '0x0008', '0x000a'],
    ['app_components', '0x8001', '0x8003', '0x8004', '0x8009'],
  ]
  return sign(author, 30443, createdAt, tags, base64(keyPackage.message))
}

/** whitenoise-rs on mdk-core 0.8: one KeyPackage in two events, that of the slot first. */
export async function whitenoiseTwins(
  author: Person,
  settings: SlotSettings = {},
): Promise<readonly [slot: SignedEvent, oneTime: SignedEvent]> {
  const { createdAt = NOW, slot = stableSlot(author), relays = RELAYS } = settings
  const { keyPackage = await mipKeyPackage(author, createdAt) } = settings
  const content = base64(keyPackage.bytes)
  const tags = [
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', '0x0001'],
    ['mls_extensions', '0x000a', '0xf2ee'],
    ['mls_proposals', '0x000a'],
    ['relays', ...relays],
    ['i', refOf(keyPackage)],
    ['client', 'MDK/0.8.0'],
    ['encoding', 'base64'],
  ]
  return [
    sign(author, 30443, createdAt, [['d', slot], ...tags], content),
    sign(author, 443, createdAt, tags, content),
  ]
}

export interface MarmotTsSettings extends SlotSettings {
  /** With `-` only the author may publish the event. */
  readonly protection?: 'protected' | 'open'
}

/** marmot-ts 0.5, as in marmots-web-chat. */
export async function marmotTsEvent(author: Person, settings: MarmotTsSettings = {}): Promise<SignedEvent> {
  const { createdAt = NOW, slot = 'marmot-chat-desktop', relays = RELAYS, protection = 'open' } = settings
  const { keyPackage = await mipKeyPackage(author, createdAt, 90 * DAY) } = settings
  const tags = [
    ['d', slot],
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', '0x0001'],
    ['mls_extensions', '0xf2ee', '0x000a'],
    ['encoding', 'base64'],
    ['i', refOf(keyPackage)],
    ['client', 'marmot-chat'],
    ['relays', ...relays],
    ...(protection === 'protected' ? [['-']] : []),
  ]
  return sign(author, 30443, createdAt, tags, base64(keyPackage.bytes))
}

/** Amethyst: packages that live 30 days. */
export async function amethystEvent(author: Person, settings: SlotSettings = {}): Promise<SignedEvent> {
  const { createdAt = NOW, slot = stableSlot(author), relays = RELAYS } = settings
  const { keyPackage = await mipKeyPackage(author, createdAt, 30 * DAY) } = settings
  const tags = [
    ['d', slot],
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', '0x0001'],
    ['mls_extensions', '0xf2ee', '0x000a'],
    ['mls_proposals', '0x000a'],
    ['encoding', 'base64'],
    ['i', refOf(keyPackage)],
    ['relays', ...relays],
  ]
  return sign(author, 30443, createdAt, tags, base64(keyPackage.bytes))
}

export interface PikaSettings extends GenerationSettings {
  /** Old versions wrote `1` for the version and the ciphersuite. */
  readonly version?: 'new' | 'old'
  /** It leaves `-` out where a relay refuses it. */
  readonly protection?: 'protected' | 'open'
}

/** pika. */
export async function pikaEvent(author: Person, settings: PikaSettings = {}): Promise<SignedEvent> {
  const { createdAt = NOW, relays = RELAYS, version = 'new', protection = 'open' } = settings
  const { keyPackage = await mipKeyPackage(author, createdAt) } = settings
  const tags = [
    ['mls_protocol_version', version === 'old' ? '1' : '1.0'],
    ['mls_ciphersuite', version === 'old' ? '1' : '0x0001'],
    ['mls_extensions', '0x000a', '0xf2ee'],
    ['relays', ...relays],
    ...(protection === 'protected' ? [['-']] : []),
    ['encoding', 'base64'],
  ]
  return sign(author, 443, createdAt, tags, base64(keyPackage.bytes))
}

export interface LoxationSettings extends GenerationSettings {
  /** `hex` has no encoding tag. */
  readonly encoding?: 'base64' | 'hex'
  readonly versionTag?: 'there' | 'absent'
  readonly protection?: 'protected' | 'open'
}

/** nostr-sdk-ios, as in Loxation: comma-joined values, and no last_resort. */
export async function loxationEvent(author: Person, settings: LoxationSettings = {}): Promise<SignedEvent> {
  const { createdAt = NOW, relays = RELAYS } = settings
  const { encoding = 'base64', versionTag = 'there', protection = 'open' } = settings
  const { keyPackage = await bareKeyPackage(author, createdAt) } = settings
  const tags = [
    ...(versionTag === 'there' ? [['mls_protocol_version', '1.0']] : []),
    ['ciphersuite', '0x0001'],
    ['extensions', '0x0001,0x0002'],
    ['relays', relays.join(',')],
    ...(encoding === 'base64' ? [['encoding', 'base64']] : []),
    ...(protection === 'protected' ? [['-', '']] : []),
  ]
  const content = encoding === 'base64' ? base64(keyPackage.bytes) : bytesToHex(keyPackage.bytes)
  return sign(author, 443, createdAt, tags, content)
}

/** Paytaca: an MLSMessage in hex, and the group data extension alone. */
export async function paytacaEvent(author: Person, settings: GenerationSettings = {}): Promise<SignedEvent> {
  const { createdAt = NOW, relays = RELAYS } = settings
  const {
    keyPackage = await makeKeyPackage(author, {
      now: createdAt,
      lastResort: null,
      capabilities: { extensions: [NOSTR_GROUP_DATA] },
    }),
  } = settings
  const tags = [
    ['mls_protocol_version', '1.0'],
    ['mls_ciphersuite', '0x0001'],
    ['mls_extensions', '0xf2ee'],
    ['relays', ...relays],
  ]
  return sign(author, 443, createdAt, tags, bytesToHex(keyPackage.message))
}

/** The `d` of an author who has one device: 64 lower-case hex digits, always the same. */
export function stableSlot({ pubkey }: Person): string {
  return createHash('sha256').update(`slot of ${pubkey}`).digest('hex')
}

/** The extension app_data_dictionary: components by id, in ascending order. */
export function appData(components: readonly (readonly [id: number, data: Uint8Array])[]): Extension {
  const entries = components.flatMap(([id, data]) => [uint16(id), vector(data)])
  return { extensionType: APP_DATA_DICTIONARY, extensionData: vector(Buffer.concat(entries)) }
}

/** The data of component 0x0001: the components that a client supports. */
export function componentList(ids: readonly number[]): Buffer {
  return vector(Buffer.concat(ids.map(uint16)))
}

/** The data of component 0x8009: the account's signature of the leaf's key, 104 bytes. */
export function accountProof(
  { secretKey, pubkey }: Person,
  signatureKey: Uint8Array,
  createdAt: number,
): Buffer {
  const tags = [
    ['d', 'marmot.account-identity-proof.v2'],
    ['component', '0x8009'],
    ['ciphersuite', '0x0001'],
    ['signature_scheme', '0x0807'],
    ['mls_signature_key', bytesToHex(signatureKey)],
  ]
  const content = 'Authorize this MLS leaf key for my Marmot account'
  const { sig } = signEvent(secretKey, { kind: 450, created_at: createdAt, tags, content })
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(createdAt))
  return Buffer.concat([hexToBytes(pubkey), time, hexToBytes(sig)])
}

function sign(
  author: Person,
  kind: number,
  createdAt: number,
  tags: string[][],
  content: string,
): SignedEvent {
  return signEvent(author.secretKey, { kind, created_at: createdAt, tags, content })
}

function refOf({ bytes, ciphersuite }: PublishableKeyPackage): string {
  return keyPackageRef(bytes, ciphersuite)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function vector(data: Uint8Array): Buffer {
  return Buffer.concat([vectorHeader(data.length), data])
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}
