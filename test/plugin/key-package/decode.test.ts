/** KeyPackages are decoded strictly and as ts-mls decodes them; their KeyPackageRefs are those of ts-mls. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ciphersuites, type KeyPackage as TsMlsKeyPackage } from 'ts-mls'
import {
  decodeKeyPackage as decodeWithTsMls,
  encodeKeyPackage,
  keyPackageTBSEncoder,
  makeKeyPackageRef,
} from 'ts-mls/keyPackage.js'
import {
  BASIC_CREDENTIAL,
  decodeKeyPackage,
  type KeyPackage,
  keyPackageRef,
} from '../../../plugin/key-package/decode.ts'
import { carriesLastResort, type Extension, readExtension } from '../../../plugin/key-package/extensions.ts'
import { TlsReader } from '../../../plugin/key-package/tls-reader.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { hex, madeWith, outcomeOf, SUITES } from '../../support/made-packages.ts'
import { person } from '../../support/people.ts'

describe('a KeyPackage', () => {
  it.each(SUITES)('of ciphersuite %i decodes to what ts-mls encoded, bare or as an MLSMessage', (suite) => {
    const { bytes, message, publicPackage } = madeWith(suite)
    for (const input of [bytes, message]) {
      const decoded = decodeKeyPackage(input)
      expect(hex(decoded.bytes)).toBe(hex(bytes))
      expect(decoded.ciphersuite).toBe(suite)
      expect(hex(decoded.initKey)).toBe(hex(publicPackage.initKey))
      expect(hex(decoded.leafNode.encryptionKey)).toBe(hex(publicPackage.leafNode.hpkePublicKey))
      expect(hex(decoded.leafNode.signatureKey)).toBe(hex(publicPackage.leafNode.signaturePublicKey))
      expect(decoded.leafNode.credential.type).toBe(1)
      expect(hex(decoded.leafNode.credential.data)).toBe(person().pubkey)
      expect(decoded.leafNode).toMatchObject({ notBefore: NOW - 3600, notAfter: NOW + 90 * 86_400 })
      expect(decoded.extensions.map(({ type, data }) => [type, data.length])).toEqual([[0x000a, 0]])
      expect(decoded.leafNode.capabilities).toEqual({
        versions: [1],
        ciphersuites: [suite],
        extensions: [0x000a, 0xf2ee],
        proposals: [],
        credentials: [1],
      })
      expect(hex(decoded.signed.tbs)).toBe(hex(encodeTbs(publicPackage)))
    }
  })

  it.each(SUITES)('of ciphersuite %i has the KeyPackageRef that ts-mls calculates', async (suite) => {
    const { bytes, publicPackage, impl } = madeWith(suite)
    const expected = await makeKeyPackageRef(publicPackage, impl.hash)
    expect(keyPackageRef(bytes, suite)).toBe(hex(expected))
  })

  it.each([
    [0x000a, true],
    [0xf000, true],
    [0x0b0b, false],
    [null, false],
  ])('with the extension %p carries last_resort: %p', async (lastResort, expected) => {
    const { bytes } = await makeKeyPackage(person(), { lastResort })
    expect(carriesLastResort(decodeKeyPackage(bytes))).toBe(expected)
  })
})

describe('bytes are refused', () => {
  it.each([1, 32, 5000])('if %i of them follow the KeyPackage', (extra) => {
    for (const { bytes, message } of SUITES.map(madeWith)) {
      for (const input of [bytes, message]) {
        expect(() => decodeKeyPackage(Buffer.concat([input, Buffer.alloc(extra)]))).toThrow(
          `invalid: ${extra} bytes follow the KeyPackage; a KeyPackageBundle holds private keys and must never be published`,
        )
      }
    }
  })

  it('if they end too early, wherever that is', () => {
    const { message } = madeWith(1)
    for (let length = 0; length < message.length; length++) {
      expect(() => decodeKeyPackage(message.subarray(0, length))).toThrow('invalid: not an MLS KeyPackage (')
    }
  })

  it('with the name of the field in which they end', () => {
    const { bytes } = madeWith(1)
    const fields = Array.from(bytes, (_, length) => {
      const why = refusalOf(() => decodeKeyPackage(bytes.subarray(0, length)))
      return /^invalid: not an MLS KeyPackage \(the data ends inside (.+)\)$/.exec(why)?.[1]
    })
    expect([...new Set(fields)]).toEqual([
      'version',
      'cipher_suite',
      'init_key',
      'leaf_node.encryption_key',
      'leaf_node.signature_key',
      'credential_type',
      'leaf_node.credential',
      'leaf_node.capabilities.versions',
      'leaf_node.capabilities.cipher_suites',
      'leaf_node.capabilities.extensions',
      'leaf_node.capabilities.proposals',
      'leaf_node.capabilities.credentials',
      'leaf_node_source',
      'lifetime.not_before',
      'lifetime.not_after',
      'leaf_node.extensions',
      'leaf_node.signature',
      'extensions',
      'signature',
    ])
  })

  it.each([
    ['extension_type', [0]],
    ['extension_data', [0, 10]],
    ['extension_data', [0, 10, 2, 1]],
  ])('with the name %s if an extension ends there', (field, bytes) => {
    const reader = new TlsReader(Uint8Array.from(bytes))
    expect(() => readExtension(reader)).toThrow(`the data ends inside ${field}`)
  })

  it('if a length has the prefix 3, which is invalid (RFC 9420 section 2.1.2)', () => {
    const bytes = Buffer.from(madeWith(1).bytes)
    bytes[4] = 0xc0
    expect(() => decodeKeyPackage(bytes)).toThrow('the length of init_key has an invalid prefix')
  })

  it('if a length is not minimally encoded: one package would have several KeyPackageRefs (I3)', () => {
    const { bytes } = madeWith(1)
    const initKeyLength = 4
    expect(bytes[initKeyLength]).toBe(32)
    const longer = Buffer.concat([bytes.subarray(0, 4), Buffer.of(0x40), bytes.subarray(4)])
    expect(() => decodeKeyPackage(longer)).toThrow('the length of init_key is not minimally encoded')
    const longest = Buffer.concat([bytes.subarray(0, 4), Buffer.of(0x80, 0, 0), bytes.subarray(4)])
    expect(() => decodeKeyPackage(longest)).toThrow('the length of init_key is not minimally encoded')
  })

  it.each<[string, (keyPackage: TsMlsKeyPackage) => TsMlsKeyPackage]>([
    [
      'its init_key and encryption_key are the same',
      (pkg) => ({ ...pkg, initKey: pkg.leafNode.hpkePublicKey }),
    ],
    ['its init_key must have 32 bytes', (pkg) => ({ ...pkg, initKey: new Uint8Array(31) })],
    ['its init_key must have 32 bytes', (pkg) => ({ ...pkg, initKey: new Uint8Array() })],
    [
      'its encryption_key must have 32 bytes',
      (pkg) => ({ ...pkg, leafNode: { ...pkg.leafNode, hpkePublicKey: new Uint8Array(33) } }),
    ],
  ])('if %s (RFC 9420 section 10.1)', (why, change) => {
    expect(() => decodeKeyPackage(encodeKeyPackage(change(madeWith(1).publicPackage)))).toThrow(why)
  })

  it('if they hold anything but a KeyPackage', () => {
    const { bytes, message } = madeWith(1)
    const change = (input: Uint8Array, position: number, value: number) =>
      Buffer.from(input).fill(value, position, position + 1)
    expect(() => decodeKeyPackage(change(bytes, 1, 2))).toThrow('its version is 2, not mls10')
    expect(() => decodeKeyPackage(change(message, 1, 2))).toThrow('its version is 2, not mls10')
    const welcome = 3
    expect(() => decodeKeyPackage(change(message, 3, welcome))).toThrow('not an MLS KeyPackage')
    const source = sourcePosition(bytes)
    const update = 2
    expect(() => decodeKeyPackage(change(bytes, source, update))).toThrow(
      'its leaf_node_source is 2, not key_package',
    )
  })
})

describe('the decoder', () => {
  it('reads everything that ts-mls writes, whatever the sizes', () => {
    const opaque = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.constantFrom(63, 64, 16_383, 16_384).map((length) => new Uint8Array(length)),
    )
    const extensions = fc.array(
      fc.record({ extensionType: fc.integer({ min: 6, max: 0xffff }), extensionData: opaque }),
      { maxLength: 5 },
    )
    const codes = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    const seconds = fc.bigInt({ min: 0n, max: 2n ** 53n })
    fc.assert(
      fc.property(extensions, extensions, codes, codes, seconds, seconds, opaque, opaque, (...parts) => {
        const [
          packageExtensions,
          leafExtensions,
          types,
          proposals,
          notBefore,
          notAfter,
          identity,
          signature,
        ] = parts
        const { publicPackage } = madeWith(1)
        const { leafNode } = publicPackage
        const written: TsMlsKeyPackage = {
          ...publicPackage,
          extensions: packageExtensions,
          signature,
          leafNode: {
            ...leafNode,
            capabilities: { ...leafNode.capabilities, extensions: types, proposals },
            credential: { credentialType: 'basic', identity },
            lifetime: { notBefore, notAfter },
            extensions: leafExtensions,
          },
        }
        const read = decodeKeyPackage(encodeKeyPackage(written))
        expect(read.extensions.map(inHex)).toEqual(packageExtensions.map(ofTsMls))
        expect(read.leafNode.extensions.map(inHex)).toEqual(leafExtensions.map(ofTsMls))
        expect(read.leafNode.capabilities).toMatchObject({ extensions: types, proposals })
        expect(read.leafNode).toMatchObject({ notBefore: Number(notBefore), notAfter: Number(notAfter) })
        expect(hex(read.leafNode.credential.data)).toBe(hex(identity))
        expect(hex(read.signed.signature)).toBe(hex(signature))
        expect(hex(read.signed.tbs)).toBe(hex(encodeTbs(written)))
      }),
      { numRuns: 200 },
    )
  })

  it('accepts a damaged package only if ts-mls decodes it and encodes it to the same bytes', () => {
    const damage = fc.array(
      fc.record({
        position: fc.nat(),
        remove: fc.integer({ min: 0, max: 3 }),
        insert: fc.uint8Array({ maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    )
    let taken = 0
    fc.assert(
      fc.property(fc.constantFrom(...SUITES), damage, (suite, changes) => {
        let bytes = Buffer.from(madeWith(suite).bytes)
        for (const { position, remove, insert } of changes) {
          const at = position % bytes.length
          bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)])
        }
        const decoded = outcomeOf(() => decodeKeyPackage(bytes))
        fc.pre(decoded === undefined || isReadableByTsMls(decoded))
        const ours = decoded !== undefined
        if (ours) taken++
        expect({ bytes: hex(bytes), taken: ours }).toEqual({
          bytes: hex(bytes),
          taken: strictlyByTsMls(bytes),
        })
      }),
      { numRuns: 5000 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  it('throws only Refusals, whatever the bytes (I9)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (tail, isMessage) => {
        const head = isMessage ? [0, 1, 0, 5, 0, 1, 0, 1] : [0, 1, 0, 1]
        expect(outcomeOf(() => decodeKeyPackage(Buffer.concat([Buffer.from(head), tail])))).toBeUndefined()
      }),
      { numRuns: 3000 },
    )
  })
})

function refusalOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return error instanceof Refusal ? error.message : String(error)
  }
}

const inHex = ({ type, data }: Extension) => [type, hex(data)]
const ofTsMls = (one: { extensionType: number; extensionData: Uint8Array }) => [
  one.extensionType,
  hex(one.extensionData),
]

/** ts-mls knows two credential types, and only mls10 in capabilities (RFC 9420: others are ignored). */
function isReadableByTsMls({ leafNode }: KeyPackage): boolean {
  const { type, data } = leafNode.credential
  const versions = Buffer.from(data.buffer, data.byteOffset + data.length, 3).toString('hex')
  return type === BASIC_CREDENTIAL && versions === '020001'
}

/** Whether ts-mls decodes all bytes and encodes the same again, and the two HPKE keys differ and have the right length. */
function strictlyByTsMls(bytes: Uint8Array): boolean {
  try {
    const [decoded, length] = decodeWithTsMls(Uint8Array.from(bytes), 0) ?? []
    if (decoded === undefined || length !== bytes.length || hex(encodeKeyPackage(decoded)) !== hex(bytes))
      return false
    const { initKey, leafNode } = decoded
    const suite = ciphersuites[decoded.cipherSuite]
    const expected = SUITES.includes(suite) ? madeWith(suite).publicPackage : undefined
    if (hex(initKey) === hex(leafNode.hpkePublicKey)) return false
    return (
      expected === undefined ||
      (initKey.length === expected.initKey.length &&
        leafNode.hpkePublicKey.length === expected.initKey.length)
    )
  } catch {
    return false
  }
}

function encodeTbs(keyPackage: TsMlsKeyPackage): Uint8Array {
  const [length, write] = keyPackageTBSEncoder(keyPackage)
  const buffer = new ArrayBuffer(length)
  write(0, buffer)
  return new Uint8Array(buffer)
}

/** The index of leaf_node_source: before the lifetime, which is found by its value. */
function sourcePosition(bytes: Uint8Array): number {
  const lifetime = Buffer.alloc(8)
  lifetime.writeBigUInt64BE(BigInt(NOW - 3600))
  return Buffer.from(bytes).indexOf(lifetime) - 1
}
