/** Key packages with their private keys as plain data, to be stored and read back. */

import { bytesToHex } from 'nostr-tools/utils'
import { base64ToBytes, bytesToBase64 } from 'ts-mls/util/byteArray.js'
import { type CompleteKeyPackage, calculateKeyPackageRef, readKeyPackage } from './mls.ts'

/**
 * A key package **with its private keys**, as texts: JSON and IndexedDB keep it unchanged. Whoever reads it can read what
 * is sent to whoever joins a group with it. Never publish or log it, and keep it where you keep other secrets.
 */
export interface SerialisedKeyPackage {
  readonly version: 1
  /** The KeyPackageRef (RFC 9420 section 5.2) in lower-case hex: the key to store it under. */
  readonly ref: string
  /** The TLS-serialised KeyPackage, in base64. */
  readonly keyPackage: string
  /** **Secret**, in base64. */
  readonly initPrivateKey: string
  /** **Secret**, in base64. */
  readonly hpkePrivateKey: string
  /** **Secret**, in base64. */
  readonly signaturePrivateKey: string
}

/** The key package **with its private keys** as plain data: store it before you publish the package. */
export async function serialiseKeyPackage({
  publicPackage,
  privatePackage,
}: CompleteKeyPackage): Promise<SerialisedKeyPackage> {
  const { bytes } = readKeyPackage(publicPackage)
  return {
    version: 1,
    ref: bytesToHex(await calculateKeyPackageRef(bytes)),
    keyPackage: bytesToBase64(bytes),
    initPrivateKey: bytesToBase64(privatePackage.initPrivateKey),
    hpkePrivateKey: bytesToBase64(privatePackage.hpkePrivateKey),
    signaturePrivateKey: bytesToBase64(privatePackage.signaturePrivateKey),
  }
}

/**
 * The key package that was serialised, for ts-mls to join a group with.
 * @throws Error if it is anything else, or was changed; the message holds no secret
 */
export async function restoreKeyPackage(stored: SerialisedKeyPackage): Promise<CompleteKeyPackage> {
  const fields = new Map<string, unknown>(Object.entries(stored))
  if (fields.get('version') !== 1) throw new Error('not a serialised key package of version 1')
  const bytesOf = (name: keyof SerialisedKeyPackage) => decode(name, fields.get(name))
  const { keyPackage, bytes } = readKeyPackage(bytesOf('keyPackage'))
  if (bytesToHex(await calculateKeyPackageRef(bytes)) !== stored.ref) {
    throw new Error('the serialised key package is not the one that its ref names')
  }
  return {
    publicPackage: keyPackage,
    privatePackage: {
      initPrivateKey: bytesOf('initPrivateKey'),
      hpkePrivateKey: bytesOf('hpkePrivateKey'),
      signaturePrivateKey: bytesOf('signaturePrivateKey'),
    },
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})+$|^(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=)$/

function decode(name: string, text: unknown): Uint8Array {
  if (typeof text === 'string' && BASE64.test(text)) return base64ToBytes(text)
  throw new Error(`${name} of the serialised key package is not base64`)
}
