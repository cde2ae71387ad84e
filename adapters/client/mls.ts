/** MLS KeyPackages with ts-mls: generated as Marmot requires (MIP-00), encoded, decoded, and their KeyPackageRef. */

import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import {
  type Capabilities,
  type CiphersuiteImpl,
  type CiphersuiteName,
  type Extension,
  generateKeyPackage as generate,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type KeyPackage,
  type PrivateKeyPackage,
} from 'ts-mls'
import { refhash } from 'ts-mls/crypto/hash.js'
import { makeHashImpl } from 'ts-mls/crypto/implementation/default/makeHashImpl.js'
import { decodeKeyPackage, encodeKeyPackage } from 'ts-mls/keyPackage.js'
import { decodeMlsMessage } from 'ts-mls/message.js'
import { checkPubkey } from './settings.ts'

/** A KeyPackage: the object of ts-mls, or TLS-serialised bytes of a KeyPackage or of an MLSMessage that holds one. */
export type KeyPackageLike = KeyPackage | Uint8Array

/** A KeyPackage and the private keys that belong to it. */
export interface CompleteKeyPackage {
  /** The part to publish. */
  readonly publicPackage: KeyPackage
  /** The private keys. Keep them, and never publish them. */
  readonly privatePackage: PrivateKeyPackage
}

/** What `generateKeyPackage` puts into a KeyPackage. */
export interface GenerateSettings {
  /** The author's pubkey, 64 lower-case hex characters; it becomes the identity of the credential. */
  readonly pubkey: string
  /**
   * A name of ts-mls, or its implementation. Default: 0x0001, the only one that Marmot, and a gateway with default
   * settings, accept.
   */
  readonly ciphersuite?: CiphersuiteName | CiphersuiteImpl
  /** How long it is valid, in seconds from `now` (RFC 9420 section 7.2). Default: 90 days. */
  readonly lifetimeSeconds?: number
  /** Seconds since the epoch. Default: the clock of the machine. */
  readonly now?: number
  /** What Marmot requires is added to it. Default: `defaultCapabilities()`. */
  readonly capabilities?: Capabilities
  /** Extensions of the KeyPackage. Default: `keyPackageDefaultExtensions()`. */
  readonly extensions?: readonly Extension[]
}

const CIPHERSUITE: CiphersuiteName = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'
const LAST_RESORT = 0x000a
const NOSTR_GROUP_DATA = 0xf2ee
const DEFAULT_LIFETIME_SECONDS = 90 * 86_400
/** It is valid from an hour earlier, for members whose clocks are slow. */
const CLOCK_SKEW_SECONDS = 3600

/**
 * Generates a KeyPackage as Marmot requires (MIP-00): basic credential, support for extension 0xf2ee, the last_resort
 * extension, ciphersuite 0x0001.
 * @throws Error if the pubkey is not valid
 */
export async function generateKeyPackage({
  pubkey,
  ciphersuite = CIPHERSUITE,
  lifetimeSeconds = DEFAULT_LIFETIME_SECONDS,
  now = Math.floor(Date.now() / 1000),
  capabilities = defaultCapabilities(),
  extensions = keyPackageDefaultExtensions(),
}: GenerateSettings): Promise<CompleteKeyPackage> {
  checkPubkey(pubkey)
  return generate(
    { credentialType: 'basic', identity: hexToBytes(pubkey) },
    ensureMarmotCapabilities(capabilities),
    { notBefore: BigInt(now - CLOCK_SKEW_SECONDS), notAfter: BigInt(now + lifetimeSeconds) },
    [...extensions],
    typeof ciphersuite === 'string'
      ? await getCiphersuiteImpl(getCiphersuiteFromName(ciphersuite))
      : ciphersuite,
  )
}

/** Only last_resort: a gateway hands such a package out last (RFC 9420 section 16.8). */
export function keyPackageDefaultExtensions(): Extension[] {
  return [{ extensionType: LAST_RESORT, extensionData: new Uint8Array() }]
}

/** The least that a Marmot client supports (MIP-00). */
export function defaultCapabilities(): Capabilities {
  return ensureMarmotCapabilities({
    versions: [],
    ciphersuites: [],
    extensions: [],
    proposals: [],
    credentials: [],
  })
}

/** Adds what Marmot requires (MIP-00) and is missing. */
export function ensureMarmotCapabilities(capabilities: Capabilities): Capabilities {
  return {
    ...capabilities,
    versions: union(capabilities.versions, ['mls10']),
    ciphersuites: union(capabilities.ciphersuites, [CIPHERSUITE]),
    extensions: union(capabilities.extensions, [NOSTR_GROUP_DATA, LAST_RESORT]),
    credentials: union(capabilities.credentials, ['basic']),
  }
}

/**
 * The KeyPackageRef (RFC 9420 section 5.2), with the hash of the package's ciphersuite.
 * @throws Error if it is not a KeyPackage
 */
export async function calculateKeyPackageRef(keyPackage: KeyPackageLike): Promise<Uint8Array> {
  const { keyPackage: read, bytes } = readKeyPackage(keyPackage)
  const { hash } = getCiphersuiteFromName(read.cipherSuite)
  return refhash('MLS 1.0 KeyPackage Reference', bytes, makeHashImpl(crypto.subtle, hash))
}

/** A KeyPackage in both forms. */
export interface ReadKeyPackage {
  readonly keyPackage: KeyPackage
  /** The TLS-serialised KeyPackage, without an MLSMessage around it. */
  readonly bytes: Uint8Array
}

/**
 * Decodes or encodes a KeyPackage (RFC 9420 section 10). Its signatures are not verified.
 * @throws Error if the bytes are not exactly one KeyPackage, or one MLSMessage that holds it
 */
export function readKeyPackage(source: KeyPackageLike): ReadKeyPackage {
  if (!(source instanceof Uint8Array)) return { keyPackage: source, bytes: encodeKeyPackage(source) }
  const bare = decodeWhole(decodeKeyPackage, source)
  if (bare !== undefined) return { keyPackage: bare, bytes: source }
  const message = decodeWhole(decodeMlsMessage, source)
  if (message?.wireformat !== 'mls_key_package') throw new Error('not an MLS KeyPackage')
  return readKeyPackage(message.keyPackage)
}

/**
 * The Nostr pubkey in a basic credential: 32 bytes, or 64 hex characters in those of older clients (MIP-00). Undefined
 * for other credentials.
 */
export function identityOf({ leafNode: { credential } }: KeyPackage): string | undefined {
  if (credential.credentialType !== 'basic') return undefined
  const { identity } = credential
  return identity.length === 64 ? new TextDecoder().decode(identity) : bytesToHex(identity)
}

type Decoder<Value> = (bytes: Uint8Array, offset: number) => [Value, number] | undefined

/** Undefined if the bytes cannot be decoded, or more bytes follow. */
function decodeWhole<Value>(decode: Decoder<Value>, bytes: Uint8Array): Value | undefined {
  try {
    const [value, length] = decode(bytes, 0) ?? []
    return length === bytes.length ? value : undefined
  } catch {
    return undefined
  }
}

function union<Item>(own: readonly Item[], required: readonly Item[]): Item[] {
  return [...new Set([...own, ...required])]
}
