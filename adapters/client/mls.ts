/** MLS KeyPackages: encoded, decoded, their KeyPackageRef, whose they are, and whether they are a last resort. */

import { bytesToHex } from 'nostr-tools/utils'
import { getCiphersuiteFromName, type KeyPackage, type PrivateKeyPackage } from 'ts-mls'
import { refhash } from 'ts-mls/crypto/hash.js'
import { makeHashImpl } from 'ts-mls/crypto/implementation/default/makeHashImpl.js'
import { extensionTypeToNumber } from 'ts-mls/extension.js'
import { decodeKeyPackage, encodeKeyPackage } from 'ts-mls/keyPackage.js'
import { decodeMlsMessage, encodeMlsMessage } from 'ts-mls/message.js'
import { LAST_RESORT_COMPONENT } from '../../plugin/key-package/codes.ts'
import { LAST_RESORT_EXTENSIONS } from '../../plugin/key-package/extensions.ts'
import { componentsIn, decodeWhole } from './components.ts'

/** A KeyPackage: the object of ts-mls, or TLS-serialised bytes of a KeyPackage or of an MLSMessage that holds one. */
export type KeyPackageLike = KeyPackage | Uint8Array

/** A KeyPackage and the private keys that belong to it. */
export interface CompleteKeyPackage {
  /** The part to publish. */
  readonly publicPackage: KeyPackage
  /** The private keys. Keep them, and never publish them. */
  readonly privatePackage: PrivateKeyPackage
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

/** The TLS-serialised MLSMessage that holds the KeyPackage (RFC 9420 section 6). */
export function asMlsMessage(keyPackage: KeyPackage): Uint8Array {
  return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage })
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

/**
 * Whether a KeyPackage may be used more than once (RFC 9420 section 16.8): by the last_resort extension, the private
 * type of older clients, or the component of Marmot.
 */
export function isLastResort({ extensions }: KeyPackage): boolean {
  const carries = ({ extensionType }: { readonly extensionType: string | number }) =>
    typeof extensionType === 'number' && LAST_RESORT_EXTENSIONS.includes(extensionType)
  return extensions.some(carries) || componentsIn(extensions)?.has(LAST_RESORT_COMPONENT) === true
}

/** Supported extensions, and those the KeyPackage itself has: the tag of MIP-00 has to list last_resort. */
export function namedExtensions({ leafNode, extensions }: KeyPackage): number[] {
  const carried = extensions.map(({ extensionType }) => extensionTypeToNumber(extensionType))
  return [...new Set([...leafNode.capabilities.extensions, ...carried])]
}
