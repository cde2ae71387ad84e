/** Rows 8 to 15 of the checks in validate.ts: the key package, and whether its event agrees with it. */

import { describe, expect, it } from '@jest/globals'
import { keyPackageRef } from '../../../plugin/key-package/decode.ts'
import {
  alice,
  answer,
  bob,
  keyPackage,
  publish,
  publishPackage,
  rules,
  strict,
  tagged,
} from '../../support/key-package-answers.ts'
import { keyPackageEvent, NOW, signEvent } from '../../support/key-packages.ts'

const DAY = 86_400

describe('row 9: the KeyPackage', () => {
  it('may be bare or in an MLSMessage', () => {
    expect(publish({ bytes: keyPackage.message })).toBe('accepted')
  })

  it('must not be followed by more bytes, which may be private keys', () => {
    expect(publish({ bytes: Buffer.concat([keyPackage.bytes, new Uint8Array(96)]) })).toBe(
      'invalid: 96 bytes follow the KeyPackage; a KeyPackageBundle holds private keys and must never be published',
    )
  })

  it('must be valid', () => {
    expect(publish({ bytes: Uint8Array.of(1, 2, 3) })).toBe(
      'invalid: not an MLS KeyPackage (its version is 258, not mls10)',
    )
  })
})

describe('row 10: the ciphersuite', () => {
  const everySuite = rules({ validation: { ciphersuites: [1, 2, 3, 4, 5, 6, 7] } })

  it.each([1, 2, 3, 4, 5, 6, 7])('may be %i if the operator allows it', async (ciphersuite) => {
    expect(await publishPackage({ ciphersuite }, everySuite)).toBe('accepted')
  })

  it('must be 0x0001 otherwise', async () => {
    expect(await publishPackage({ ciphersuite: 3 })).toBe(
      'invalid: ciphersuite 0x0003 is not accepted here; accepted: 0x0001',
    )
    expect(publish({}, rules({ validation: { ciphersuites: [2, 3] } }))).toBe(
      'invalid: ciphersuite 0x0001 is not accepted here; accepted: 0x0002, 0x0003',
    )
  })

  it('is refused by its code where no ciphersuite has it', () => {
    const bytes = Buffer.from(keyPackage.bytes)
    bytes.writeUInt16BE(0x0a0a, 2)
    expect(publish({ bytes, tags: { mls_ciphersuite: ['0x0a0a'] } })).toBe(
      'invalid: ciphersuite 0x0a0a is not accepted here; accepted: 0x0001',
    )
  })

  it('must be the one in the tag, in either spelling', () => {
    expect(tagged({ mls_ciphersuite: null, ciphersuite: ['1'] })).toBe('accepted')
    expect(tagged({ mls_ciphersuite: ['0x0002'] })).toBe(
      'invalid: the mls_ciphersuite tag says 0x0002, the KeyPackage 0x0001',
    )
    expect(tagged({ ciphersuite: ['0x0002'] })).toBe(
      'invalid: the mls_ciphersuite tag says 0x0002, the KeyPackage 0x0001',
    )
    expect(tagged({ mls_ciphersuite: ['one'] })).toBe(
      'invalid: the mls_ciphersuite tag must be a code such as 0x0001',
    )
  })

  it('may be missing in the tags, unless they are checked strictly', () => {
    expect(tagged({ mls_ciphersuite: null })).toBe('accepted')
    expect(tagged({ mls_ciphersuite: null }, strict)).toBe(
      'invalid: the tag ["mls_ciphersuite","0x0001"] is required',
    )
  })
})

describe('row 11: the credential', () => {
  const refusal = "invalid: the credential's identity is not the pubkey of the author"

  it.each([
    ["the pubkey's 32 bytes", Buffer.from(alice.pubkey, 'hex'), 'accepted'],
    ['its 64 hex characters, as older clients wrote', Buffer.from(alice.pubkey), 'accepted'],
    ["somebody else's pubkey", Buffer.from(bob.pubkey, 'hex'), refusal],
    ["somebody else's pubkey in hex", Buffer.from(bob.pubkey), refusal],
    ['another text', Buffer.from('Alice'), refusal],
    ['nothing', Buffer.alloc(0), refusal],
  ])('names %s', async (_, identity, expected) => {
    expect(await publishPackage({ identity: Uint8Array.from(identity) })).toBe(expected)
  })

  it('must be basic', () => {
    const bytes = Buffer.from(keyPackage.bytes)
    const identity = bytes.indexOf(Buffer.from(alice.pubkey, 'hex'))
    bytes.writeUInt16BE(2, identity - 3)
    expect(publish({ bytes })).toBe('invalid: the credential has type 0x0002; it must be basic (0x0001)')
  })
})

describe('row 13: last_resort', () => {
  const requiring = rules({ validation: { requireLastResort: true } })
  const none = { lastResort: null }

  it('must be in the tags or in the KeyPackage of kind 443 where it is required', async () => {
    for (const mls_extensions of [['0xf2ee'], null]) {
      const tags = { mls_extensions }
      expect(await publishPackage(none, requiring, { tags })).toBe(
        'invalid: neither the mls_extensions tag nor the KeyPackage says last_resort (0x000a)',
      )
      for (const lastResort of [0x000a, 0xf000]) {
        expect(await publishPackage({ lastResort }, requiring, { tags })).toBe('accepted')
      }
    }
    const tags = { mls_extensions: null, extensions: ['last_resort'] }
    expect(await publishPackage(none, requiring, { tags })).toBe('accepted')
  })

  it('is optional by default, and always for kind 30443', async () => {
    const slot = { kind: 30443, tags: { d: ['phone'], mls_extensions: null } }
    expect(await publishPackage(none, rules(), { tags: { mls_extensions: null } })).toBe('accepted')
    expect(await publishPackage(none, requiring, slot)).toBe('accepted')
  })
})

describe('row 14: the lifetime', () => {
  it.each([
    ['began', NOW - 1, NOW + DAY, 'accepted'],
    ['begins within an hour, the skew of clocks', NOW + 3600, NOW + DAY, 'accepted'],
    ['begins later', NOW + 3601, NOW + DAY, `invalid: the KeyPackage is not valid before ${NOW + 3601}`],
    ['ends in a second', NOW - DAY, NOW + 1, 'accepted'],
    [
      'has ended',
      NOW - DAY,
      NOW,
      `invalid: the KeyPackage was valid until ${NOW}; publish a new key package`,
    ],
  ])('%s', async (_, notBefore, notAfter, expected) => {
    expect(await publishPackage({ lifetime: { notBefore, notAfter } })).toBe(expected)
  })

  it('ends at most ttlSeconds after created_at', () => {
    const by = rules({ stock: { ttlSeconds: 60 } })
    expect(publish({ createdAt: NOW - 59 }, by)).toBe('accepted')
    expect(publish({ createdAt: NOW - 60 }, by)).toBe(
      'invalid: created_at is 60 s or more in the past; publish a new key package',
    )
  })
})

describe('row 15: the MLS signatures', () => {
  const refusal = 'invalid: a signature of the KeyPackage or its leaf node is wrong'

  it('must be valid', () => {
    const bytes = Buffer.from(keyPackage.bytes)
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    expect(publish({ bytes })).toBe(refusal)
    expect(publish({ bytes }, rules({ validation: { mls: 'decode' } }))).toBe('accepted')
  })
})

describe('row 16: the i tag', () => {
  it('must be the KeyPackageRef', () => {
    const ref = keyPackageRef(keyPackage.bytes, 1)
    expect(tagged({ i: [ref] })).toBe('accepted')
    expect(publish({ bytes: keyPackage.message, tags: { i: [ref] } })).toBe('accepted')
    expect(tagged({ i: [ref.toUpperCase()] })).toBe(`invalid: the i tag is not the KeyPackageRef ${ref}`)
    expect(tagged({ i: [''] })).toBe(`invalid: the i tag is not the KeyPackageRef ${ref}`)
  })
})

describe('row 17: the slot', () => {
  it.each([null, [], ['']])('of kind 30443 must not be %j', (d) => {
    expect(publish({ kind: 30443, tags: { d } })).toBe(
      'invalid: kind 30443 must have exactly one d tag, and it must not be empty',
    )
  })
})

describe('row 17: the length of a slot name', () => {
  it('is limited, because the names of deleted slots are remembered', () => {
    expect(publish({ kind: 30443, tags: { d: ['d'.repeat(256)] } })).toBe('accepted')
    expect(publish({ kind: 30443, tags: { d: ['d'.repeat(257)] } })).toBe(
      'invalid: the d tag may have at most 256 characters',
    )
  })
})

describe('row 17: two slots', () => {
  it('are refused', () => {
    const { kind, created_at, content, tags } = keyPackageEvent(alice, keyPackage, { kind: 30443 })
    const slots = (...names: string[]) => [
      ...tags.map((tag) => [...tag]),
      ...names.map((name) => ['d', name]),
    ]
    const withSlots = (...names: string[]) =>
      answer(signEvent(alice.secretKey, { kind, created_at, content, tags: slots(...names) }))
    expect(withSlots('phone')).toBe('accepted')
    expect(withSlots('phone', 'laptop')).toBe(
      'invalid: kind 30443 must have exactly one d tag, and it must not be empty',
    )
  })
})
