/** KeyPackages: their references, whose they are, and whether they are a last resort. */

import { describe, expect, it } from '@jest/globals'
import { bytesToHex } from 'nostr-tools/utils'
import { generateKeyPackage } from '../../../adapters/client/generate.ts'
import {
  calculateKeyPackageRef,
  identityOf,
  isLastResort,
  readKeyPackage,
} from '../../../adapters/client/mls.ts'
import { decodeKeyPackage, keyPackageRef } from '../../../plugin/key-package/decode.ts'
import { alice } from '../../support/key-package-answers.ts'
import { makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { madeWith, SUITES } from '../../support/made-packages.ts'
import { keyPackageVectors } from '../../support/vectors.ts'

describe('calculateKeyPackageRef', () => {
  it.each(SUITES)('is the reference of RFC 9420 section 5.2 for ciphersuite %s', async (suite) => {
    const { bytes, message, publicPackage } = madeWith(suite)
    for (const source of [bytes, message, publicPackage]) {
      expect(bytesToHex(await calculateKeyPackageRef(source))).toBe(keyPackageRef(bytes, suite))
    }
  })

  it('rejects bytes that are not a KeyPackage', async () => {
    await expect(calculateKeyPackageRef(new Uint8Array(3))).rejects.toThrow('not an MLS KeyPackage')
  })
})

describe('isLastResort', () => {
  it.each([0x000a, 0xf000])('is so by the extension %i', async (lastResort) => {
    expect(isLastResort((await makeKeyPackage(alice, { lastResort })).publicPackage)).toBe(true)
  })

  it('is so by the component 0x0004 of the KeyPackage, and by nothing else', async () => {
    const settings = { pubkey: alice.pubkey, now: NOW }
    expect(isLastResort((await generateKeyPackage(settings)).publicPackage)).toBe(true)
    const plain = await generateKeyPackage({ ...settings, extensions: [] })
    expect(isLastResort(plain.publicPackage)).toBe(false)
    const extensionType = 0x0006
    for (const extensionData of [Uint8Array.of(0), Uint8Array.of(3, 0, 4, 1), Uint8Array.of(9)]) {
      const other = await generateKeyPackage({ ...settings, extensions: [{ extensionType, extensionData }] })
      expect(isLastResort(other.publicPackage)).toBe(false)
    }
  })
})

describe('identityOf', () => {
  it('is the pubkey, in 32 bytes or 64 hex characters', async () => {
    const legacy = await makeKeyPackage(alice, { identity: new TextEncoder().encode(alice.pubkey) })
    expect(identityOf(legacy.publicPackage)).toBe(alice.pubkey)
    expect(identityOf((await makeKeyPackage(alice)).publicPackage)).toBe(alice.pubkey)
  })
})

const vectors = keyPackageVectors()
const describeVectors = vectors === undefined ? describe.skip : describe

describeVectors('key packages of another implementation', () => {
  it('have the same bytes and KeyPackageRef as for the gateway', async () => {
    for (const { message, ciphersuite } of vectors ?? []) {
      const { bytes } = decodeKeyPackage(message)
      expect(Buffer.from(readKeyPackage(Uint8Array.from(message)).bytes)).toEqual(Buffer.from(bytes))
      const ref = await calculateKeyPackageRef(Uint8Array.from(message))
      expect(bytesToHex(ref)).toBe(keyPackageRef(bytes, ciphersuite))
    }
  })
})
