/** KeyPackages as Marmot requires them (MIP-00), their references, extensions and capabilities. */

import { describe, expect, it } from '@jest/globals'
import { bytesToHex } from 'nostr-tools/utils'
import { getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls'
import {
  calculateKeyPackageRef,
  defaultCapabilities,
  ensureMarmotCapabilities,
  generateKeyPackage,
  identityOf,
  keyPackageDefaultExtensions,
  readKeyPackage,
} from '../../../adapters/client/mls.ts'
import { decodeKeyPackage, keyPackageRef } from '../../../plugin/key-package/decode.ts'
import { carriesLastResort } from '../../../plugin/key-package/extensions.ts'
import { alice, answer } from '../../support/key-package-answers.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { madeWith, SUITES } from '../../support/made-packages.ts'
import { keyPackageVectors } from '../../support/vectors.ts'

describe('generateKeyPackage', () => {
  it('makes a KeyPackage that the gateway and Marmot accept, valid for 90 days', async () => {
    const { publicPackage } = await generateKeyPackage({ pubkey: alice.pubkey, now: NOW })
    const { bytes } = readKeyPackage(publicPackage)
    expect(answer(keyPackageEvent(alice, { bytes, ciphersuite: 1 }))).toBe('accepted')
    expect(identityOf(publicPackage)).toBe(alice.pubkey)
    expect(publicPackage.leafNode.lifetime).toEqual({
      notBefore: BigInt(NOW - 3600),
      notAfter: BigInt(NOW + 7_776_000),
    })
    expect(publicPackage.leafNode.capabilities.extensions).toEqual([0xf2ee, 0x000a])
    expect(carriesLastResort(decodeKeyPackage(bytes))).toBe(true)
  })

  it('takes a lifetime, a ciphersuite, more capabilities and other extensions', async () => {
    const name = 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256'
    const { publicPackage } = await generateKeyPackage({
      pubkey: alice.pubkey,
      now: NOW,
      lifetimeSeconds: 60,
      ciphersuite: await getCiphersuiteImpl(getCiphersuiteFromName(name)),
      capabilities: { ...defaultCapabilities(), proposals: [0x000a] },
      extensions: [],
    })
    expect(publicPackage.cipherSuite).toBe(name)
    expect(publicPackage.leafNode.lifetime.notAfter).toBe(BigInt(NOW + 60))
    expect(publicPackage.leafNode.capabilities.proposals).toEqual([0x000a])
    expect(publicPackage.extensions).toEqual([])
  })
})

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

describe('capabilities and extensions', () => {
  it('have last_resort as the default extension', () => {
    expect(keyPackageDefaultExtensions()).toEqual([{ extensionType: 10, extensionData: new Uint8Array() }])
  })

  it('are completed with what Marmot requires, once, and nothing is removed', () => {
    const own = { ...defaultCapabilities(), extensions: [0xf2ee, 0x1234], credentials: ['x509' as const] }
    const ensured = ensureMarmotCapabilities(own)
    expect(ensured.extensions).toEqual([0xf2ee, 0x1234, 0x000a])
    expect(ensured.credentials).toEqual(['x509', 'basic'])
    expect(ensureMarmotCapabilities(ensured)).toEqual(ensured)
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
