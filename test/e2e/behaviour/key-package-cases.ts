/** Key packages for each row of the checks in validate.ts, and the answers to publishing them. */

import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import {
  atTime,
  type MakeEvent,
  madeWith,
  withLifetime,
  withTags,
  withWrongLeafSignature,
  withWrongSignature,
} from './key-package-makers.ts'
import { alice, bob, newEvent } from './scene.ts'

const HOUR = 3600
const DAY = 86_400

interface Case {
  readonly row: string
  readonly make: MakeEvent
  /** The message of the OK, or a pattern of it. */
  readonly answer: string | RegExp
  readonly options?: OptionsInput
}

export const refusedCases: readonly Case[] = [
  {
    row: '1: event shape',
    make: async (target) => ({ ...(await newEvent(target, alice)), sig: 'ff' }) as SignedEvent,
    answer: 'invalid: sig must be 128 lower-case hex characters',
  },
  {
    row: '1: id',
    make: async (target) => ({ ...(await newEvent(target, alice)), created_at: target.now() - 120 }),
    answer: /^invalid: the id is not the hash of the event/,
  },
  {
    row: '1: signature',
    make: async (target) => ({ ...(await newEvent(target, alice)), sig: 'f'.repeat(128) }),
    answer: 'invalid: the signature is wrong',
  },
  {
    row: '1: signature, of somebody else',
    make: async (target) => ({ ...(await newEvent(target, alice)), sig: (await newEvent(target, bob)).sig }),
    answer: 'invalid: the signature is wrong',
  },
  {
    row: '4: created_at at most 15 min ahead',
    make: (target) => newEvent(target, alice, { createdAt: target.now() + 960 }),
    answer: /^invalid: created_at/,
  },
  {
    row: '4: `p` tag, if any, is the author',
    make: withTags({ p: [bob.pubkey] }),
    answer: /^invalid: the p tag/,
  },
  {
    row: '5: NIP-40 `expiration` in the future',
    make: atTime('expiration', -1),
    answer: 'invalid: the key package has expired',
  },
  {
    row: '5: `exp` in the future',
    make: atTime('exp', -1),
    answer: 'invalid: the key package has expired',
  },
  {
    row: '6: `mls_protocol_version` is `1.0`',
    make: withTags({ mls_protocol_version: ['2.0'] }),
    answer: /^invalid: .*mls_protocol_version/,
  },
  {
    row: '6: `mls_protocol_version` is there (strict)',
    make: withTags({ mls_protocol_version: null }),
    options: { validation: { tags: 'strict' } },
    answer: /^invalid: .*mls_protocol_version/,
  },
  {
    row: '7: `encoding`',
    make: withTags({ encoding: ['x'] }),
    answer: 'invalid: unsupported encoding "x"',
  },
  {
    row: '7: `encoding` absent = hex (443)',
    make: withTags({ encoding: null }),
    answer: /^invalid: content is not hex/,
  },
  {
    row: '8: content decodes',
    make: withTags({}, { content: 'not base64 at all!' }),
    answer: /^invalid: content is not base64/,
  },
  { row: '8: 1 byte', make: withTags({}, { content: '' }), answer: /^invalid: content is empty/ },
  {
    row: '8: to `maxBytes`',
    make: withTags({}),
    options: { validation: { maxBytes: 256 } },
    answer: /^invalid: the key package has \d+ bytes; at most 256/,
  },
  {
    row: '9: content is one TLS-serialised KeyPackage',
    make: withTags({}, { bytes: Uint8Array.from({ length: 300 }, (_, index) => index) }),
    answer: /^invalid: not an MLS KeyPackage \(.+\)$/,
  },
  {
    row: '9: nothing after it',
    make: async (target) => {
      const keyPackage = await makeKeyPackage(alice, { now: target.now() })
      const bytes = Buffer.concat([keyPackage.bytes, keyPackage.privatePackage.initPrivateKey])
      return keyPackageEvent(alice, keyPackage, { bytes, createdAt: target.now() })
    },
    answer:
      'invalid: 32 bytes follow the KeyPackage; a KeyPackageBundle holds private keys and must never be published',
  },
  {
    row: "10: ciphersuite: tag equals the package's",
    make: withTags({ mls_ciphersuite: ['0x0003'] }),
    answer: /^invalid: the mls_ciphersuite tag says 0x0003, the KeyPackage 0x0001/,
  },
  {
    row: '10: ciphersuite is allowed (default only 0x0001)',
    make: madeWith({ ciphersuite: 2 }),
    answer: /^invalid: ciphersuite 0x0002 is not accepted here/,
  },
  {
    row: '11: basic credential whose identity is the author',
    make: async (target) =>
      keyPackageEvent(alice, await makeKeyPackage(bob, { now: target.now() }), { createdAt: target.now() }),
    answer: "invalid: the credential's identity is not the pubkey of the author",
  },
  {
    row: '12: what the KeyPackage uses is in the capabilities of its leaf',
    make: madeWith({ capabilities: { extensions: [0xf2ee] } }),
    answer: /^invalid: the KeyPackage has extension 0x000a, which is not in the capabilities/,
  },
  {
    row: '13: the package or its tags say last_resort',
    make: madeWith({ lastResort: null }, { tags: { mls_extensions: ['0xf2ee'] } }),
    options: { validation: { requireLastResort: true } },
    answer: /^invalid: .*last_resort/,
  },
  {
    row: '14: lifetime holds now (begins, with 1 h of clock skew)',
    make: withLifetime(2 * HOUR, DAY),
    answer: /^invalid: the KeyPackage is not valid before/,
  },
  {
    row: '14: lifetime holds now (ends)',
    make: withLifetime(-DAY, -60),
    answer: /^invalid: the KeyPackage was valid until/,
  },
  {
    row: '14: created_at + ttl',
    make: (target) => newEvent(target, alice, { createdAt: target.now() - DAY }),
    options: { stock: { ttlSeconds: DAY - 60 } },
    answer: /^invalid: created_at/,
  },
  {
    row: '15: both MLS signatures (KeyPackage)',
    make: withWrongSignature,
    answer: /^invalid: .*signature/,
  },
  {
    row: '15: both MLS signatures (LeafNode)',
    make: withWrongLeafSignature,
    answer: /^invalid: .*signature/,
  },
  {
    row: '16: `i` tag, if any, is the KeyPackageRef',
    make: withTags({ i: ['00'.repeat(32)] }),
    answer: /^invalid: the i tag is not the KeyPackageRef [0-9a-f]{64}$/,
  },
  {
    row: '17: 30443: one `d` tag',
    make: withTags({}, { kind: 30443 }),
    answer: /^invalid: kind 30443 must have exactly one d tag/,
  },
  {
    row: '17: 30443: non-empty `d` tag',
    make: withTags({ d: [''] }, { kind: 30443 }),
    answer: /^invalid: kind 30443 must have exactly one d tag/,
  },
]

export const acceptedCases: readonly Omit<Case, 'answer'>[] = [
  {
    row: '4: created_at less than 15 min ahead',
    make: (target) => newEvent(target, alice, { createdAt: target.now() + 840 }),
  },
  { row: '4: `p` tag is the author', make: withTags({ p: [alice.pubkey] }) },
  { row: '5: `expiration` in the future', make: atTime('expiration', HOUR) },
  { row: '7: `encoding` absent = hex (443)', make: withTags({}, { encoding: 'absent' }) },
  {
    row: '7: `encoding` absent = base64 (30443)',
    make: withTags({ encoding: null, d: ['phone'] }, { kind: 30443 }),
  },
  {
    row: '9: one MLSMessage holding it',
    make: async (target) => {
      const keyPackage = await makeKeyPackage(alice, { now: target.now() })
      return keyPackageEvent(alice, keyPackage, { bytes: keyPackage.message, createdAt: target.now() })
    },
  },
  {
    row: '10: legacy `ciphersuite`',
    make: withTags({ mls_ciphersuite: null, ciphersuite: ['1'] }),
  },
  {
    row: '10: another ciphersuite, where it is allowed',
    make: madeWith({ ciphersuite: 2 }),
    options: { validation: { ciphersuites: [1, 2] } },
  },
  {
    row: '11: legacy 64 hex characters',
    make: madeWith({ identity: new TextEncoder().encode(alice.pubkey) }),
  },
  {
    row: '13: legacy `extensions`, comma separated, `0xF000`',
    make: withTags({ mls_extensions: null, extensions: ['0x0001,0xF000'] }),
  },
  { row: '13: `last_resort`', make: withTags({ mls_extensions: ['0xf2ee', 'last_resort'] }) },
  {
    row: '14: lifetime holds now (within 1 h of clock skew)',
    make: withLifetime(HOUR / 2, DAY),
  },
]
