/** KeyPackages as each generation of clients requires them, with the account proof of Marmot. */

import { describe, expect, it } from '@jest/globals'
import { PlainKeySigner } from 'nostr-tools/signer'
import { getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls'
import { accountProofEvent, proveAccount } from '../../../adapters/client/account-proof.ts'
import { componentsIn, supportedComponents } from '../../../adapters/client/components.ts'
import {
  defaultCapabilities,
  ensureMarmotCapabilities,
  generateKeyPackage,
  keyPackageDefaultExtensions,
} from '../../../adapters/client/generate.ts'
import { identityOf, isLastResort, readKeyPackage } from '../../../adapters/client/mls.ts'
import { alice, answer, bob } from '../../support/key-package-answers.ts'
import { keyPackageEvent, NOW } from '../../support/key-packages.ts'

const DAY = 86_400
const settings = { pubkey: alice.pubkey, now: NOW }
const signer = new PlainKeySigner(alice.secretKey)

describe('generateKeyPackage', () => {
  it.each(['nip-ee', 'mip-00'] as const)(
    'for %s makes a KeyPackage that the gateway accepts, valid for 90 days',
    async (generation) => {
      const { publicPackage } = await generateKeyPackage({ ...settings, generation })
      const { bytes } = readKeyPackage(publicPackage)
      expect(answer(keyPackageEvent(alice, { bytes, ciphersuite: 1 }))).toBe('accepted')
      expect(identityOf(publicPackage)).toBe(alice.pubkey)
      expect(publicPackage.leafNode.lifetime).toEqual({
        notBefore: BigInt(NOW - 3600),
        notAfter: BigInt(NOW + 90 * DAY),
      })
      expect(publicPackage.leafNode.capabilities.extensions).toEqual([0xf2ee, 0x000a])
      expect(publicPackage.extensions).toEqual([{ extensionType: 0x000a, extensionData: new Uint8Array() }])
      expect(publicPackage.leafNode.extensions).toEqual([])
    },
  )

  it('by default makes a KeyPackage of Marmot: components, and 84 days and an hour in all', async () => {
    const { publicPackage } = await generateKeyPackage(settings)
    const { leafNode } = publicPackage
    expect(Number(leafNode.lifetime.notAfter - leafNode.lifetime.notBefore)).toBe(84 * DAY + 3600)
    expect(leafNode.capabilities).toMatchObject({ extensions: [0x0003, 0x0006], proposals: [0x0008, 0x000a] })
    expect(publicPackage.extensions).toEqual([
      { extensionType: 0x0006, extensionData: Uint8Array.of(3, 0x00, 0x04, 0) },
    ])
    expect(isLastResort(publicPackage)).toBe(true)
    expect(supportedComponents(leafNode.extensions)).toEqual([0x0001, 0x8001, 0x8003, 0x8004])
    expect([...(componentsIn(leafNode.extensions) ?? [])].map(([component]) => component)).toEqual([1, 2])
  })

  it('with a signer has the proof of the account, 104 bytes, which names the signature key', async () => {
    const { publicPackage } = await generateKeyPackage({ ...settings, signer })
    const { leafNode } = publicPackage
    expect(supportedComponents(leafNode.extensions)).toContain(0x8009)
    const proof = componentsIn(leafNode.extensions)?.get(0x8009)
    expect(proof).toHaveLength(104)
    expect(Buffer.from(proof?.slice(0, 32) ?? []).toString('hex')).toBe(alice.pubkey)
  })

  it('takes a lifetime, a ciphersuite, more capabilities, components and other extensions', async () => {
    const name = 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256'
    const { publicPackage } = await generateKeyPackage({
      ...settings,
      lifetimeSeconds: 60,
      ciphersuite: await getCiphersuiteImpl(getCiphersuiteFromName(name)),
      capabilities: { ...defaultCapabilities(), proposals: [0x0009] },
      components: [0x8003, 0x8001, 0x8003],
      extensions: [],
    })
    expect(publicPackage.cipherSuite).toBe(name)
    expect(publicPackage.leafNode.lifetime.notAfter).toBe(BigInt(NOW + 60))
    expect(publicPackage.leafNode.capabilities.proposals).toEqual([0x0009, 0x0008, 0x000a])
    expect(supportedComponents(publicPackage.leafNode.extensions)).toEqual([0x0001, 0x8001, 0x8003])
    expect(publicPackage.extensions).toEqual([])
  })

  it('rejects a pubkey that is none, and a signer of another account', async () => {
    await expect(generateKeyPackage({ pubkey: 'npub1' })).rejects.toThrow('a pubkey must be 64 lower-case')
    await expect(
      generateKeyPackage({ ...settings, signer: new PlainKeySigner(bob.secretKey) }),
    ).rejects.toThrow('the signer did not sign the account proof')
  })
})

describe('the account proof', () => {
  // The signing vector that Marmot clients share.
  const pubkey = 'f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9'
  const signature =
    'c5315d3c85b9d4907cb03395a2a97b3ba2eab393f8e45b13a5d5233acedac60a51d2a295e1b1b5ee372d18a49bdb8041a7dba9dedce722c7c6f712f78bbdfb5d'
  const vector = {
    pubkey,
    ciphersuite: 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519',
    signatureKey: Uint8Array.from({ length: 32 }, (_, index) => index),
    createdAt: 1_700_000_000,
  } as const

  it('is that of the signing vector', async () => {
    const { signEvent } = new PlainKeySigner(alice.secretKey)
    const fixed = {
      getPublicKey: async () => pubkey,
      signEvent: async (template: Parameters<typeof signEvent>[0]) => ({
        ...(await new PlainKeySigner(alice.secretKey).signEvent(template)),
        sig: signature,
      }),
    }
    const proof = Buffer.from(await proveAccount(fixed, vector))
    expect(proof.toString('hex')).toBe(`${pubkey}000000006553f100${signature}`)
  })

  it('names the signature scheme of the ciphersuite, and there is none for those of the future', () => {
    const schemeOf = (ciphersuite: Parameters<typeof accountProofEvent>[0]['ciphersuite']) =>
      accountProofEvent({ ...vector, ciphersuite }).tags.find(([name]) => name === 'signature_scheme')?.[1]
    expect(schemeOf('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519')).toBe('0x0807')
    expect(schemeOf('MLS_128_DHKEMP256_AES128GCM_SHA256_P256')).toBe('0x0403')
    expect(() => schemeOf('MLS_256_XWING_AES256GCM_SHA512_MLDSA87')).toThrow('there is no account proof')
  })
})

describe('capabilities and extensions', () => {
  it('have last resort as the default extension, as the generation says it', () => {
    const extensionData = new Uint8Array()
    expect(keyPackageDefaultExtensions('mip-00')).toEqual([{ extensionType: 10, extensionData }])
    expect(keyPackageDefaultExtensions()).toEqual([
      { extensionType: 6, extensionData: Uint8Array.of(3, 0, 4, 0) },
    ])
  })

  it('are completed with what the generation requires, once, and nothing is removed', () => {
    const own = {
      ...defaultCapabilities('mip-00'),
      extensions: [0xf2ee, 0x1234],
      credentials: ['x509' as const],
    }
    const ensured = ensureMarmotCapabilities(own, 'mip-00')
    expect(ensured.extensions).toEqual([0xf2ee, 0x1234, 0x000a])
    expect(ensured.credentials).toEqual(['x509', 'basic'])
    expect(ensureMarmotCapabilities(ensured, 'mip-00')).toEqual(ensured)
    expect(ensureMarmotCapabilities(own).extensions).toEqual([0xf2ee, 0x1234, 0x0003, 0x0006])
  })
})
