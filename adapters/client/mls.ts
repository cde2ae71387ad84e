/** Key packages as ts-mls has them: made as Marmot wants them (MIP-00), written, read and named. */

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
import { checkPubkey } from './pubkey.ts'

/** A KeyPackage, as ts-mls has it or TLS-serialised, bare or in an MLSMessage. */
export type KeyPackageLike = KeyPackage | Uint8Array

/** A KeyPackage and the private keys that belong to it. */
export interface CompleteKeyPackage {
  /** To be published. */
  readonly publicPackage: KeyPackage
  /** To be kept, and never published. */
  readonly privatePackage: PrivateKeyPackage
}

/** What a new key package says. */
export interface GenerateSettings {
  /** 64 lower-case hex characters: the credential's identity. */
  readonly pubkey: string
  /** By its name, or as it was loaded; 0x0001 by default, the only one that Marmot and the gateway's defaults take. */
  readonly ciphersuite?: CiphersuiteName | CiphersuiteImpl
  /** Seconds from now; 90 days by default. */
  readonly lifetime?: number
  /** Seconds since the epoch; the machine's clock by default. */
  readonly now?: number
  /** `defaultCapabilities()` by default; what Marmot requires is added. */
  readonly capabilities?: Capabilities
  /** Of the KeyPackage; `keyPackageDefaultExtensions()` by default. */
  readonly extensions?: readonly Extension[]
}

const CIPHERSUITE: CiphersuiteName = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'
const LAST_RESORT = 0x000a
const NOSTR_GROUP_DATA = 0xf2ee
const LIFETIME_SECONDS = 90 * 86_400
/** It is good from an hour before, for those whose clocks are behind. */
const SKEW_SECONDS = 3600

/**
 * Makes a key package as Marmot wants it: basic credential, 0xf2ee supported, last_resort, ciphersuite 0x0001.
 * @throws Error where the pubkey is none
 */
export async function generateKeyPackage({
  pubkey,
  ciphersuite = CIPHERSUITE,
  lifetime = LIFETIME_SECONDS,
  now = Math.floor(Date.now() / 1000),
  capabilities = defaultCapabilities(),
  extensions = keyPackageDefaultExtensions(),
}: GenerateSettings): Promise<CompleteKeyPackage> {
  checkPubkey(pubkey)
  return generate(
    { credentialType: 'basic', identity: hexToBytes(pubkey) },
    ensureMarmotCapabilities(capabilities),
    { notBefore: BigInt(now - SKEW_SECONDS), notAfter: BigInt(now + lifetime) },
    [...extensions],
    typeof ciphersuite === 'string'
      ? await getCiphersuiteImpl(getCiphersuiteFromName(ciphersuite))
      : ciphersuite,
  )
}

/** last_resort alone: the gateway keeps such a package for the end (RFC 9420 section 16.8). */
export function keyPackageDefaultExtensions(): Extension[] {
  return [{ extensionType: LAST_RESORT, extensionData: new Uint8Array() }]
}

/** What a Marmot client supports at least. */
export function defaultCapabilities(): Capabilities {
  return ensureMarmotCapabilities({
    versions: [],
    ciphersuites: [],
    extensions: [],
    proposals: [],
    credentials: [],
  })
}

/** The same capabilities, with what Marmot requires added where it is missing. */
export function ensureMarmotCapabilities(capabilities: Capabilities): Capabilities {
  return {
    ...capabilities,
    versions: union(capabilities.versions, ['mls10']),
    ciphersuites: union(capabilities.ciphersuites, [CIPHERSUITE]),
    extensions: union(capabilities.extensions, [NOSTR_GROUP_DATA, LAST_RESORT]),
    credentials: union(capabilities.credentials, ['basic']),
  }
}

/** The KeyPackageRef (RFC 9420 section 5.2), by the hash of the package's own ciphersuite. @throws Error where it is none */
export async function calculateKeyPackageRef(keyPackage: KeyPackageLike): Promise<Uint8Array> {
  const { keyPackage: read, bytes } = readKeyPackage(keyPackage)
  const { hash } = getCiphersuiteFromName(read.cipherSuite)
  return refhash('MLS 1.0 KeyPackage Reference', bytes, makeHashImpl(crypto.subtle, hash))
}

/** The two forms of one KeyPackage. */
export interface ReadKeyPackage {
  readonly keyPackage: KeyPackage
  /** The bare KeyPackage, TLS-serialised. */
  readonly bytes: Uint8Array
}

/**
 * Reads or writes a KeyPackage, so that it is there in both forms (RFC 9420 section 10). Nothing in it is verified.
 * @throws Error where the bytes are not one KeyPackage, or one MLSMessage that holds it, and nothing else
 */
export function readKeyPackage(source: KeyPackageLike): ReadKeyPackage {
  if (!(source instanceof Uint8Array)) return { keyPackage: source, bytes: encodeKeyPackage(source) }
  const bare = decodeWhole(decodeKeyPackage, source)
  if (bare !== undefined) return { keyPackage: bare, bytes: source }
  const message = decodeWhole(decodeMlsMessage, source)
  if (message?.wireformat !== 'mls_key_package') throw new Error('this is not an MLS KeyPackage')
  return readKeyPackage(message.keyPackage)
}

/**
 * The Nostr pubkey of a basic credential, written in 32 bytes, or by older clients in 64 hex characters (MIP-00).
 * Undefined for other credentials.
 */
export function identityOf({ leafNode: { credential } }: KeyPackage): string | undefined {
  if (credential.credentialType !== 'basic') return undefined
  const { identity } = credential
  return identity.length === 64 ? new TextDecoder().decode(identity) : bytesToHex(identity)
}

type Decoder<Value> = (bytes: Uint8Array, offset: number) => [Value, number] | undefined

/** What a decoder reads, where that is all there is. */
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
