/** Node's crypto in the browser: the hashes and signatures that the checks of key packages ask for, from the noble libraries. */

import { ed448 } from '@noble/curves/ed448.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { Buffer } from './node-buffer.ts'

const HASHES = { sha256, sha384, sha512 }
/** Curves by the last three bytes of their AlgorithmIdentifier (RFC 5480 section 2.1.1). */
const CURVES = new Map([
  ['030107', p256],
  ['040022', p384],
  ['040023', p521],
])

/** A public key that verifies. */
interface PublicKey {
  readonly verify: (content: Uint8Array, signature: Uint8Array) => boolean
}

interface JwkInput {
  readonly format: 'jwk'
  readonly key: { readonly crv: string; readonly x: string }
}

interface DerInput {
  readonly format: 'der'
  readonly key: Uint8Array
}

export function createHash(name: keyof typeof HASHES) {
  const hash = HASHES[name].create()
  const hashing = {
    update(data: Uint8Array | string) {
      hash.update(typeof data === 'string' ? new TextEncoder().encode(data) : data)
      return hashing
    },
    digest: (encoding: 'hex') => Buffer.from(hash.digest()).toString(encoding),
  }
  return hashing
}

export function randomBytes(size: number): Buffer {
  return crypto.getRandomValues(Buffer.alloc(size))
}

/** @throws Error if the bytes are no key of the curve */
export function createPublicKey(input: JwkInput | DerInput): PublicKey {
  return input.format === 'jwk' ? edwardsKey(input.key) : pointKey(input.key)
}

/** `hash` is that of the curve, which the key knows. */
export function verify(
  _hash: string | null,
  content: Uint8Array,
  key: PublicKey,
  signature: Uint8Array,
): boolean {
  try {
    return key.verify(content, signature)
  } catch {
    return false
  }
}

function edwardsKey({ crv, x }: JwkInput['key']): PublicKey {
  const curve = crv === 'Ed448' ? ed448 : ed25519
  const key = Buffer.from(x, 'base64url')
  if (key.length !== curve.lengths.publicKey) throw new Error('not a public key')
  // As OpenSSL verifies: RFC 8032, not the looser rules of ZIP 215.
  return { verify: (content, signature) => curve.verify(signature, content, key, { zip215: false }) }
}

/** From SubjectPublicKeyInfo (RFC 5280 section 4.1): a sequence of the algorithm, and the key in a bit string. */
function pointKey(spki: Uint8Array): PublicKey {
  const [algorithm, key] = elementsOf(elementsOf(spki)[0] ?? spki)
  const curve = CURVES.get(Buffer.from(algorithm?.slice(-3) ?? []).toString('hex'))
  // The first byte of a bit string says how many bits of the last one are unused.
  const point = key?.slice(1)
  if (curve === undefined || point === undefined || !curve.utils.isValidPublicKey(point))
    throw new Error('not a public key')
  const options = { format: 'der', lowS: false } as const
  return { verify: (content, signature) => curve.verify(signature, content, point, options) }
}

/** The contents of the DER elements that follow one another. */
function elementsOf(der: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = []
  for (let position = 0; position < der.length; ) {
    const first = der[position + 1] ?? 0
    const start = position + (first === 0x81 ? 3 : 2)
    const end = start + (first === 0x81 ? (der[position + 2] ?? 0) : first)
    elements.push(der.subarray(start, end))
    position = end
  }
  return elements
}
