/** Decodes an MLS KeyPackage (RFC 9420 section 10), and calculates its KeyPackageRef. */

import { createHash } from 'node:crypto'
import { Refusal } from '../nostr/refusal.ts'
import { ciphersuiteOf } from './ciphersuites.ts'
import { type Extension, readExtension } from './extensions.ts'
import { notAKeyPackage, TlsReader, vectorHeader } from './tls-reader.ts'

/** A KeyPackageRef in lower-case hex (RFC 9420 section 5.2). */
export type KeyPackageRef = string

/** The credential type `basic`. */
export const BASIC_CREDENTIAL = 1

/** The protocol version mls10. */
export const MLS10 = 1

const WIRE_FORMAT_KEY_PACKAGE = 5
const LEAF_NODE_SOURCE_KEY_PACKAGE = 1
const REF_LABEL = 'MLS 1.0 KeyPackage Reference'

/** A decoded KeyPackage. Byte fields are views of the decoded bytes. */
export interface KeyPackage {
  /** The bare KeyPackage, without the header of an MLSMessage. */
  readonly bytes: Uint8Array
  readonly ciphersuite: number
  readonly initKey: Uint8Array
  readonly leafNode: LeafNode
  readonly extensions: readonly Extension[]
  readonly signed: Signed
}

/** The leaf node of a KeyPackage (RFC 9420 section 7.2). */
interface LeafNode {
  readonly encryptionKey: Uint8Array
  readonly signatureKey: Uint8Array
  /** For a basic credential, `data` is its identity. */
  readonly credential: { readonly type: number; readonly data: Uint8Array }
  readonly capabilities: Capabilities
  /** Seconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly extensions: readonly Extension[]
  readonly signed: Signed
}

/** What a client supports, beside the types that RFC 9420 section 7.2 takes for granted. */
interface Capabilities {
  readonly versions: readonly number[]
  readonly ciphersuites: readonly number[]
  readonly extensions: readonly number[]
  readonly proposals: readonly number[]
  readonly credentials: readonly number[]
}

/** The exact bytes that were signed (TBS), and the signature. */
export interface Signed {
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Decodes a TLS-serialised KeyPackage, or an MLSMessage that contains one.
 * @throws Refusal if the bytes are anything else, or more bytes follow
 */
export function decodeKeyPackage(bytes: Uint8Array): KeyPackage {
  const bare = withoutMessageHeader(bytes)
  const reader = new TlsReader(bare)
  const pkg = readKeyPackage(reader, bare)
  if (reader.remaining > 0) {
    throw new Refusal(
      'invalid',
      `${reader.remaining} bytes follow the KeyPackage; a KeyPackageBundle holds private keys and must never be published`,
    )
  }
  return pkg
}

/** The KeyPackage inside an MLSMessage. */
export function withoutMessageHeader(bytes: Uint8Array): Uint8Array {
  return isMessage(bytes) ? bytes.subarray(4) : bytes
}

/** Whether bytes are an MLSMessage that holds a KeyPackage. A bare one never begins so: its init_key would be empty. */
export function isMessage(bytes: Uint8Array): boolean {
  const header = [0, MLS10, 0, WIRE_FORMAT_KEY_PACKAGE, 0, MLS10]
  return header.every((byte, index) => bytes[index] === byte)
}

/** The KeyPackageRef of a bare KeyPackage; an unknown ciphersuite counts as the mandatory one (RFC 9420 section 5.2). */
export function keyPackageRef(bytes: Uint8Array, ciphersuite: number): KeyPackageRef {
  return createHash(ciphersuiteOf(ciphersuite)?.hash ?? 'sha256')
    .update(vectorHeader(REF_LABEL.length))
    .update(REF_LABEL)
    .update(vectorHeader(bytes.length))
    .update(bytes)
    .digest('hex')
}

function readKeyPackage(reader: TlsReader, bytes: Uint8Array): KeyPackage {
  const version = reader.uint16('version')
  if (version !== MLS10) throw notAKeyPackage(`its version is ${version}, not mls10`)
  const ciphersuite = reader.uint16('cipher_suite')
  const initKey = reader.opaque('init_key')
  const leafNode = readLeafNode(reader)
  const extensions = reader.vector('extensions', readExtension)
  const tbs = reader.since(0)
  const signature = reader.opaque('signature')
  checkHpkeKeys(ciphersuite, initKey, leafNode.encryptionKey)
  return { bytes, ciphersuite, initKey, leafNode, extensions, signed: { tbs, signature } }
}

function readLeafNode(reader: TlsReader): LeafNode {
  const start = reader.position
  const encryptionKey = reader.opaque('leaf_node.encryption_key')
  const signatureKey = reader.opaque('leaf_node.signature_key')
  // Other credential types have a vector here too (x509: certificates). It is not decoded.
  const credential = { type: reader.uint16('credential_type'), data: reader.opaque('leaf_node.credential') }
  const capabilities: Capabilities = {
    versions: readCodes(reader, 'versions'),
    ciphersuites: readCodes(reader, 'cipher_suites'),
    extensions: readCodes(reader, 'extensions'),
    proposals: readCodes(reader, 'proposals'),
    credentials: readCodes(reader, 'credentials'),
  }
  const source = reader.uint8('leaf_node_source')
  if (source !== LEAF_NODE_SOURCE_KEY_PACKAGE) {
    throw notAKeyPackage(`its leaf_node_source is ${source}, not key_package`)
  }
  const notBefore = reader.uint64('lifetime.not_before')
  const notAfter = reader.uint64('lifetime.not_after')
  const extensions = reader.vector('leaf_node.extensions', readExtension)
  const tbs = reader.since(start)
  const signature = reader.opaque('leaf_node.signature')
  return {
    encryptionKey,
    signatureKey,
    credential,
    capabilities,
    notBefore,
    notAfter,
    extensions,
    signed: { tbs, signature },
  }
}

function readCodes(reader: TlsReader, list: string): number[] {
  const field = `leaf_node.capabilities.${list}`
  return reader.vector(field, (items) => items.uint16(field))
}

/** RFC 9420 section 10.1: the two keys must be different. Their lengths are those of the ciphersuite. */
function checkHpkeKeys(ciphersuite: number, initKey: Buffer, encryptionKey: Uint8Array): void {
  if (initKey.equals(encryptionKey)) throw notAKeyPackage('its init_key and encryption_key are the same')
  const length = ciphersuiteOf(ciphersuite)?.hpkeKeyBytes
  if (length === undefined) return
  if (initKey.length !== length) throw notAKeyPackage(`its init_key must have ${length} bytes`)
  if (encryptionKey.length !== length) throw notAKeyPackage(`its encryption_key must have ${length} bytes`)
}
