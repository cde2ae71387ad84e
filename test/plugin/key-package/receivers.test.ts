/** Row 12: what a receiver must refuse (RFC 9420 sections 7.2, 7.3, 10, 10.1 and 13.4), and what it must not. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Capabilities, Extension } from 'ts-mls'
import { encodeKeyPackage, signKeyPackage } from 'ts-mls/keyPackage.js'
import { signLeafNodeKeyPackage } from 'ts-mls/leafNode.js'
import { appData, marmotKeyPackage } from '../../support/generations.ts'
import { alice, answer, publishPackage, rules } from '../../support/key-package-answers.ts'
import {
  type KeyPackageSettings,
  keyPackageEvent,
  type MadeKeyPackage,
  makeKeyPackage,
} from '../../support/key-packages.ts'

const GREASE = [
  0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a, 0x6a6a, 0x7a7a, 0x8a8a, 0x9a9a, 0xaaaa, 0xbaba, 0xcaca,
  0xdada, 0xeaea,
]
const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'
const NOTHING = Buffer.alloc(0)

const extension = (extensionType: number, data: Uint8Array = NOTHING): Extension => ({
  extensionType,
  extensionData: data,
})
const inLeaf = (...extensions: Extension[]) => ({ leafExtensions: () => extensions })
const supporting = (capabilities: Partial<Capabilities>) => ({ capabilities })

const defects: readonly [what: string, made: KeyPackageSettings, why: string][] = [
  [
    'an extension of the KeyPackage that the capabilities do not list',
    { extensions: [extension(0xf123)], ...supporting({ extensions: [0x000a] }) },
    'the KeyPackage has extension 0xf123, which is not in the capabilities of its leaf',
  ],
  [
    'last_resort that the capabilities do not list',
    supporting({ extensions: [0xf2ee] }),
    'the KeyPackage has extension 0x000a, which is not in the capabilities of its leaf',
  ],
  [
    'an extension of the leaf that the capabilities do not list',
    { ...inLeaf(extension(0xf123)), ...supporting({ extensions: [0x000a] }) },
    'the leaf has extension 0xf123, which is not in its capabilities',
  ],
  [
    'GREASE in the leaf that the capabilities do not list (RFC 9420 section 13.5)',
    { ...inLeaf(extension(0x1a1a)), ...supporting({ extensions: [0x000a] }) },
    'the leaf has extension 0x1a1a, which is not in its capabilities',
  ],
  [
    'another ciphersuite in the capabilities',
    supporting({ ciphersuites: ['MLS_128_DHKEMP256_AES128GCM_SHA256_P256'] }),
    'ciphersuite 0x0001 is not in the capabilities of the leaf',
  ],
  [
    'another credential type in the capabilities',
    supporting({ credentials: ['x509'] }),
    'credential type 0x0001 is not in the capabilities of the leaf',
  ],
  [
    'no version in the capabilities',
    supporting({ versions: [] }),
    'version mls10 is not in the capabilities of the leaf',
  ],
  [
    'an extension of the KeyPackage twice',
    { extensions: [extension(0xf123), extension(0xf123)] },
    'the KeyPackage has extension 0xf123 more than once',
  ],
  [
    'last_resort twice',
    { extensions: [extension(0x000a)] },
    'the KeyPackage has extension 0x000a more than once',
  ],
  [
    'an extension of the leaf twice',
    inLeaf(extension(0xf123), extension(0xf123)),
    'the leaf has extension 0xf123 more than once',
  ],
  [
    'last_resort with a payload',
    { lastResort: null, extensions: [extension(0x000a, Buffer.of(0))] },
    'extension last_resort (0x000a) must be empty',
  ],
  [
    'old last_resort with a payload',
    { lastResort: null, extensions: [extension(0xf000, Buffer.of(1, 2))] },
    'extension last_resort (0xf000) must be empty',
  ],
  [
    'component 0x0004 with a payload',
    { lastResort: null, extensions: [appData([[0x0004, Buffer.of(0)]])] },
    'component 0x0004 (last resort) must be empty',
  ],
  ...[0x0001, 0x0002, 0x0003, 0x0004, 0x0005].map((type): [string, KeyPackageSettings, string] => [
    `extension ${type} in the KeyPackage`,
    { extensions: [extension(type)] },
    `extension 0x000${type} must not be in a KeyPackage`,
  ]),
  ...[0x0002, 0x0003, 0x0004, 0x0005].map((type): [string, KeyPackageSettings, string] => [
    `extension ${type} in the leaf`,
    inLeaf(extension(type)),
    `extension 0x000${type} must not be in a leaf`,
  ]),
  [
    'components of the KeyPackage out of order',
    {
      extensions: [
        appData([
          [0x8001, NOTHING],
          [0x0004, NOTHING],
        ]),
      ],
    },
    "the KeyPackage's app_data_dictionary is not sorted by component, each once",
  ],
  [
    'a component of the leaf twice',
    inLeaf(
      appData([
        [0x8001, NOTHING],
        [0x8001, NOTHING],
      ]),
    ),
    "the leaf's app_data_dictionary is not sorted by component, each once",
  ],
  [
    'a dictionary that is cut off',
    { extensions: [extension(0x0006, Buffer.of(3, 0, 4))] },
    "the KeyPackage's app_data_dictionary is malformed (the data ends inside its components)",
  ],
  [
    'a component that is cut off',
    { extensions: [extension(0x0006, Buffer.of(3, 0, 4, 1))] },
    "the KeyPackage's app_data_dictionary is malformed (the data ends inside its components)",
  ],
  [
    'a component whose id is cut off',
    { extensions: [extension(0x0006, Buffer.of(1, 0))] },
    "the KeyPackage's app_data_dictionary is malformed (the data ends inside its components)",
  ],
  [
    'bytes after a dictionary',
    { extensions: [extension(0x0006, Buffer.of(0, 0))] },
    "the KeyPackage's app_data_dictionary is malformed (1 bytes follow its components)",
  ],
]

describe('a correctly signed KeyPackage', () => {
  it.each(defects)('with %s is refused', async (_, made, why) => {
    expect(await publishPackage(made)).toBe(`invalid: ${why}`)
  })

  it('whose two keys are the same is refused', async () => {
    const made = await resigned(await makeKeyPackage(alice))
    expect(answer(keyPackageEvent(alice, made))).toBe(
      'invalid: not an MLS KeyPackage (its init_key and encryption_key are the same)',
    )
  })

  it('is not looked at so closely where MLS is not decoded', async () => {
    const off = rules({ validation: { mls: 'off' } })
    expect(await publishPackage(supporting({ versions: [] }), off)).toBe('accepted')
  })

  it.each<[string, KeyPackageSettings]>([
    ['application_id in its leaf, which needs no listing', { ...inLeaf(extension(0x0001, Buffer.of(1))) }],
    ['default types among its capabilities, as mdk lists them', supporting({ extensions: [3, 0x000a] })],
    ['no extensions at all', { lastResort: null, ...supporting({ extensions: [] }) }],
    ['an empty app_data_dictionary', { extensions: [appData([])] }],
    ['data in any other component', { extensions: [appData([[0x8001, Buffer.of(1)]])] }],
    [
      'several ciphersuites',
      supporting({ ciphersuites: ['MLS_128_DHKEMP256_AES128GCM_SHA256_P256', SUITE] }),
    ],
  ])('with %s is accepted', async (_, made) => {
    expect(await publishPackage(made)).toBe('accepted')
  })
})

describe('a KeyPackage of the Marmot specification', () => {
  it('says last resort with component 0x0004 of its dictionary', async () => {
    const event = keyPackageEvent(alice, await marmotKeyPackage(alice), {
      tags: { mls_extensions: ['0x0006'] },
    })
    expect(answer(event, rules({ validation: { requireLastResort: true } }))).toBe('accepted')
  })
})

describe('random packages', () => {
  const unique = fc.uniqueArray(fc.constantFrom(...GREASE), { maxLength: 4 })
  const data = fc.uint8Array({ maxLength: 70 })
  const greased = fc.record({ inPackage: unique, inLeaf: unique, listed: unique, data })

  /** GREASE in every list of RFC 9420 section 13.5, and nothing special about it. */
  const withGrease = (made: KeyPackageSettings, grease: Grease): KeyPackageSettings => {
    const { leafExtensions = () => [], extensions = [], capabilities = {} } = made
    const typed = (types: readonly number[]) => types.map((type) => extension(type, grease.data))
    const names = (types: readonly number[]) => types.map(String)
    const both = [...new Set([...grease.inPackage, ...grease.inLeaf, ...grease.listed])]
    return {
      ...made,
      extensions: [...typed(grease.inPackage), ...extensions],
      leafExtensions: (key) => [...leafExtensions(key), ...typed(grease.inLeaf)],
      capabilities: {
        ...capabilities,
        ciphersuites: [
          ...names(grease.listed),
          ...(capabilities.ciphersuites ?? [SUITE]),
        ] as Capabilities['ciphersuites'],
        extensions: [...both, ...(capabilities.extensions ?? [0x000a, 0xf2ee, 0x0006, 0xf000, 0xf123])],
        proposals: grease.listed,
        credentials: [
          ...(capabilities.credentials ?? ['basic']),
          ...names(grease.listed),
        ] as Capabilities['credentials'],
      },
    }
  }

  it('are accepted whatever GREASE they hold', async () => {
    await fc.assert(
      fc.asyncProperty(greased, async (grease) => {
        expect(await publishPackage(withGrease({}, grease))).toBe('accepted')
      }),
      { numRuns: 60 },
    )
  })

  it('with a defect are refused for it, whatever GREASE they hold', async () => {
    const listed = defects.filter(([what]) => !what.startsWith('GREASE'))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...listed), greased, async ([, made, why], grease) => {
        expect(await publishPackage(withGrease(made, grease))).toBe(`invalid: ${why}`)
      }),
      { numRuns: 150 },
    )
  })
})

interface Grease {
  readonly inPackage: readonly number[]
  readonly inLeaf: readonly number[]
  readonly listed: number[]
  readonly data: Uint8Array
}

/** The same package with its init key in the leaf as well, and both signatures made again. */
async function resigned(made: MadeKeyPackage): Promise<MadeKeyPackage> {
  const { publicPackage, privatePackage, impl } = made
  const { signaturePrivateKey: key } = privatePackage
  const leaf = { ...publicPackage.leafNode, hpkePublicKey: publicPackage.initKey }
  const leafNode = await signLeafNodeKeyPackage(leaf, key, impl.signature)
  const signed = await signKeyPackage({ ...publicPackage, leafNode }, key, impl.signature)
  return { ...made, bytes: encodeKeyPackage(signed) }
}
