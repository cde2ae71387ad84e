/** Both signatures of a KeyPackage are valid unchanged, and invalid after any change (RFC 9420 section 5.1.2). */

import { ECDH } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Lifetime } from 'ts-mls'
import { encodeKeyPackage, signKeyPackage } from 'ts-mls/keyPackage.js'
import { decodeKeyPackage, type Signed } from '../../../plugin/key-package/decode.ts'
import { checkForReceivers } from '../../../plugin/key-package/receivers.ts'
import { hasValidSignatures, verifySignatures } from '../../../plugin/key-package/signatures.ts'
import {
  everyBit,
  flipped,
  madeWith,
  oneBitOfEveryByte,
  outcomeOf,
  SUITES,
} from '../../support/made-packages.ts'
import { keyPackageVectors, VECTORS_NOW } from '../../support/vectors.ts'

/** Those of Ed25519. The others take two to twenty times as long, so one bit of each byte has to do. */
const QUICK_SUITES = [1, 3]

describe('signatures', () => {
  it.each(SUITES)('of ciphersuite %i are valid', (suite) => {
    expect(hasValidSignatures(decodeKeyPackage(madeWith(suite).bytes))).toBe(true)
  })

  it.each([
    [2, 'prime256v1', 65],
    [5, 'secp521r1', 133],
    [7, 'secp384r1', 97],
  ])(
    'of ciphersuite %i are valid by an uncompressed key (RFC 9420 section 5.1.1)',
    (suite, curve, length) => {
      const decoded = decodeKeyPackage(madeWith(suite).bytes)
      const { leafNode } = decoded
      const signatureKey = ECDH.convertKey(leafNode.signatureKey, curve, undefined, undefined, 'uncompressed')
      if (typeof signatureKey === 'string') throw new Error('a key in bytes')
      expect(signatureKey).toHaveLength(length)
      expect(hasValidSignatures({ ...decoded, leafNode: { ...leafNode, signatureKey } })).toBe(true)
    },
  )

  it('are not valid in another or an unknown ciphersuite', () => {
    const decoded = decodeKeyPackage(madeWith(1).bytes)
    for (const ciphersuite of [2, 4, 0, 8])
      expect(hasValidSignatures({ ...decoded, ciphersuite })).toBe(false)
  })

  it.each(SUITES)('of ciphersuite %i are not valid after any change of one bit', (suite) => {
    const { message } = madeWith(suite)
    const bits = QUICK_SUITES.includes(suite) ? everyBit(message) : oneBitOfEveryByte(message)
    expect(survivingBits(message, bits)).toEqual([])
  })
})

describe('signatures that are verified by other threads', () => {
  it.each(SUITES)('are valid and wrong in ciphersuite %i as they are in this one', async (suite) => {
    const decoded = decodeKeyPackage(madeWith(suite).bytes)
    const { leafNode, signed } = decoded
    const wrong = ({ tbs, signature }: Signed): Signed => ({ tbs: flipped(tbs, 100), signature })
    const variants = [
      decoded,
      { ...decoded, signed: wrong(signed) },
      { ...decoded, leafNode: { ...leafNode, signed: wrong(leafNode.signed) } },
      { ...decoded, leafNode: { ...leafNode, signatureKey: Buffer.alloc(7) } },
      { ...decoded, ciphersuite: 8 },
    ]
    expect(await Promise.all(variants.map(verifySignatures))).toEqual([true, false, false, false, false])
    expect(variants.map(hasValidSignatures)).toEqual([true, false, false, false, false])
  })
})

describe('the signature of the leaf node', () => {
  it.each(SUITES)('is verified in ciphersuite %i even if the KeyPackage is signed again', async (suite) => {
    const { publicPackage, privatePackage, impl } = madeWith(suite)
    const { leafNode } = publicPackage
    const signAgain = (lifetime: Lifetime) =>
      signKeyPackage(
        { ...publicPackage, leafNode: { ...leafNode, lifetime } },
        privatePackage.signaturePrivateKey,
        impl.signature,
      )
    const same = await signAgain(leafNode.lifetime)
    const longer = await signAgain({ ...leafNode.lifetime, notAfter: leafNode.lifetime.notAfter + 1n })
    expect(hasValidSignatures(decodeKeyPackage(encodeKeyPackage(same)))).toBe(true)
    expect(hasValidSignatures(decodeKeyPackage(encodeKeyPackage(longer)))).toBe(false)
  })

  it('is not valid after any change of one bit of either signature', () => {
    const decoded = decodeKeyPackage(madeWith(1).bytes)
    const { leafNode } = decoded
    const { tbs, signature } = leafNode.signed
    const withLeaf = (signed: Signed) => hasValidSignatures({ ...decoded, leafNode: { ...leafNode, signed } })
    expect(withLeaf({ tbs, signature })).toBe(true)
    expect(everyBit(tbs).filter((bit) => withLeaf({ tbs: flipped(tbs, bit), signature }))).toEqual([])
    expect(
      everyBit(signature).filter((bit) => withLeaf({ tbs, signature: flipped(signature, bit) })),
    ).toEqual([])
  })
})

describe('packages made by another implementation', () => {
  const vectors = keyPackageVectors()
  if (vectors === undefined) {
    console.warn('SKIPPED: ../shared/vectors/mls-key-packages.json is absent; packages of ts-mls stand in.')
  }
  const check = vectors === undefined ? it.skip : it

  check('decode, all of them, both their signatures hold, and no receiver need refuse them', () => {
    expect(vectors).toHaveLength(36)
    for (const { message, ciphersuite } of vectors ?? []) {
      const decoded = decodeKeyPackage(message)
      expect(decoded).toMatchObject({ ciphersuite, leafNode: { credential: { type: 1 } } })
      expect(decoded.leafNode.credential.data.toString()).toBe('Alice')
      expect(decoded.leafNode.notBefore).toBeLessThan(VECTORS_NOW)
      expect(decoded.leafNode.notAfter).toBeGreaterThan(VECTORS_NOW)
      expect(hasValidSignatures(decoded)).toBe(true)
      expect(() => checkForReceivers(decoded)).not.toThrow()
    }
  })

  check('are refused after any change of one bit', () => {
    const tried = new Set<number>()
    const sample = fc.sample(fc.nat(), { numRuns: 36 * 75, seed: 9420 })
    for (const { message, ciphersuite } of vectors ?? []) {
      const bits = tried.has(ciphersuite)
        ? sample.splice(0, 75).map((number) => number % (message.length * 8))
        : everyBit(message)
      tried.add(ciphersuite)
      expect(survivingBits(message, bits)).toEqual([])
    }
  })
})

/** The bits that can be changed without making the package invalid. */
function survivingBits(message: Uint8Array, bits: readonly number[]): number[] {
  return bits.filter((bit) => {
    const decoded = outcomeOf(() => decodeKeyPackage(flipped(message, bit)))
    return decoded !== undefined && hasValidSignatures(decoded)
  })
}
