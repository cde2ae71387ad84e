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

/** Whether the signatures of the KeyPackage and its leaf node are valid. False for an unknown ciphersuite. */
export function hasValidSignatures({ ciphersuite, leafNode, signed }: KeyPackage): boolean {
  const suite = ciphersuiteOf(ciphersuite)
  if (suite === undefined) return false
  const key = importKey(suite.signature, leafNode.signatureKey)
  if (key === undefined) return false
  return (
    verifyWithLabel(suite, key, 'KeyPackageTBS', signed) &&
    verifyWithLabel(suite, key, 'LeafNodeTBS', leafNode.signed)
  )
}

/** VerifyWithLabel of RFC 9420 section 5.1.2. */
function verifyWithLabel(
  suite: Ciphersuite,
  key: KeyObject,
  label: string,
  { tbs, signature }: Signed,
): boolean {
  const fullLabel = `MLS 1.0 ${label}`
  const content = Buffer.concat([
    vectorHeader(fullLabel.length),
    Buffer.from(fullLabel),
    vectorHeader(tbs.length),
    tbs,
  ])
  return verify(EC_ALGORITHM.has(suite.signature) ? suite.hash : null, content, key, signature)
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
