/** Verifies the signatures of a KeyPackage (RFC 9420 section 5.1.2) with Node's crypto. */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { type Ciphersuite, ciphersuiteOf } from './ciphersuites.ts'
import type { KeyPackage, Signed } from './decode.ts'
import { vectorHeader } from './tls-reader.ts'

/** AlgorithmIdentifier of each curve (RFC 5480 section 2.1.1), in DER. */
const EC_ALGORITHM: ReadonlyMap<Ciphersuite['signature'], Buffer> = new Map([
  ['P-256', Buffer.from('301306072a8648ce3d020106082a8648ce3d030107', 'hex')],
  ['P-384', Buffer.from('301006072a8648ce3d020106052b81040022', 'hex')],
  ['P-521', Buffer.from('301006072a8648ce3d020106052b81040023', 'hex')],
])

const DER_SEQUENCE = 0x30
const DER_BIT_STRING = 0x03

/** What `verify` of node:crypto is given. */
type Signature = readonly [hash: string | null, content: Buffer, key: KeyObject, signature: Uint8Array]

/** Whether the signatures of the KeyPackage and its leaf node are valid. False for an unknown ciphersuite. */
export function hasValidSignatures(keyPackage: KeyPackage): boolean {
  const signatures = signaturesOf(keyPackage)
  return signatures?.every((signature) => verify(...signature)) ?? false
}

/** The same, verified by the threads of Node.js for such work, so that this thread is free meanwhile. */
export async function verifySignatures(keyPackage: KeyPackage): Promise<boolean> {
  const signatures = signaturesOf(keyPackage)
  if (signatures === undefined) return false
  for (const signature of signatures) if (!(await verifyElsewhere(signature))) return false
  return true
}

function verifyElsewhere(signature: Signature): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(...signature, (error, isValid) => (error === null ? resolve(isValid) : reject(error)))
  })
}

/** Undefined for an unknown ciphersuite, and for a key that is none. */
function signaturesOf({ ciphersuite, leafNode, signed }: KeyPackage): readonly Signature[] | undefined {
  const suite = ciphersuiteOf(ciphersuite)
  if (suite === undefined) return undefined
  const key = importKey(suite.signature, leafNode.signatureKey)
  if (key === undefined) return undefined
  return [
    signatureWithLabel(suite, key, 'KeyPackageTBS', signed),
    signatureWithLabel(suite, key, 'LeafNodeTBS', leafNode.signed),
  ]
}

/** As VerifyWithLabel of RFC 9420 section 5.1.2 verifies it. */
function signatureWithLabel(
  suite: Ciphersuite,
  key: KeyObject,
  label: string,
  { tbs, signature }: Signed,
): Signature {
  const fullLabel = `MLS 1.0 ${label}`
  const content = Buffer.concat([
    vectorHeader(fullLabel.length),
    Buffer.from(fullLabel),
    vectorHeader(tbs.length),
    tbs,
  ])
  return [EC_ALGORITHM.has(suite.signature) ? suite.hash : null, content, key, signature]
}

/** From a JWK for Ed25519 and Ed448, which OpenSSL reads 15 times as fast as DER; from DER for curves whose JWK needs x and y apart. */
function importKey(signature: Ciphersuite['signature'], raw: Uint8Array): KeyObject | undefined {
  const algorithm = EC_ALGORITHM.get(signature)
  try {
    if (algorithm !== undefined)
      return createPublicKey({ key: spki(algorithm, raw), format: 'der', type: 'spki' })
    const x = Buffer.from(raw).toString('base64url')
    return createPublicKey({ key: { kty: 'OKP', crv: signature, x }, format: 'jwk' })
  } catch {
    return undefined
  }
}

/** SubjectPublicKeyInfo (RFC 5280 section 4.1). */
function spki(algorithm: Buffer, key: Uint8Array): Buffer {
  return der(
    DER_SEQUENCE,
    Buffer.concat([algorithm, der(DER_BIT_STRING, Buffer.concat([Buffer.of(0), key]))]),
  )
}

function der(tag: number, body: Buffer): Buffer {
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length]
  return Buffer.concat([Buffer.of(tag, ...length), body])
}
