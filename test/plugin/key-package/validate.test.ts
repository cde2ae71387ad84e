/** Which key package events are taken in, row by row of DESIGN.md section 3, and what is kept of them. */

import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { verifyEvent } from 'nostr-tools/pure'
import type { KeyPackageRules } from '../../../plugin/key-package/checks.ts'
import { decodeKeyPackage, keyPackageRef } from '../../../plugin/key-package/mls.ts'
import { checkKeyPackage, explainKeyPackage } from '../../../plugin/key-package/validate.ts'
import { isSignedEvent } from '../../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { type OptionsInput, resolveOptions } from '../../../plugin/options.ts'
import {
  type KeyPackageEventSettings,
  type KeyPackageSettings,
  keyPackageEvent,
  type MadeKeyPackage,
  makeKeyPackage,
  NOW,
  signEvent,
} from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const DAY = 86_400

let keyPackage: MadeKeyPackage

beforeAll(async () => {
  keyPackage = await makeKeyPackage(alice)
})

function rules(options: OptionsInput = {}, authenticatedAs: readonly string[] = []): KeyPackageRules {
  return {
    ...resolveOptions(options),
    authenticatedAs: new Set(authenticatedAs),
    verifyEvent: (event) => verifyEvent(JSON.parse(JSON.stringify(event))),
  }
}

/** `accepted`, or what the publisher is told. */
function answer(event: SignedEvent, by: KeyPackageRules = rules(), now = NOW): string {
  try {
    checkKeyPackage(event, by, now)
    return 'accepted'
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

const publish = (settings: KeyPackageEventSettings, by = rules()) =>
  answer(keyPackageEvent(alice, keyPackage, settings), by)

const publishPackage = async (
  made: KeyPackageSettings,
  by = rules(),
  settings: KeyPackageEventSettings = {},
) => answer(keyPackageEvent(alice, await makeKeyPackage(alice, made), settings), by)

const tagged = (tags: NonNullable<KeyPackageEventSettings['tags']>, by = rules()) => publish({ tags }, by)

const marmot = rules({ profile: 'marmot' })

it('a key package event as MIP-00 has it is accepted', () => {
  expect(publish({})).toBe('accepted')
})

describe('row 1: the event', () => {
  it('has an id that is its hash', () => {
    const event = keyPackageEvent(alice, keyPackage)
    expect(answer({ ...event, created_at: event.created_at + 1 })).toBe(
      'invalid: the id is not the hash of the event; one that was re-encoded for delivery has to be restored',
    )
  })

  it('has a good signature', () => {
    const event = keyPackageEvent(alice, keyPackage)
    expect(answer({ ...event, sig: event.sig.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) })).toBe(
      'invalid: the signature is wrong',
    )
  })

  it('is not verified again after the relay has done so', () => {
    const { verifyEvent: _, ...verified } = rules()
    expect(answer({ ...keyPackageEvent(alice, keyPackage), sig: '0'.repeat(128) }, verified)).toBe('accepted')
  })

  it('is of a kind that the gateway takes over', () => {
    expect(publish({ kind: 30443, tags: { d: ['phone'] } })).toBe('invalid: kind 30443 is not taken in here')
    expect(publish({ kind: 30443, tags: { d: ['phone'] } }, marmot)).toBe('accepted')
  })

  it('has no more than 100 tags and 16 KiB of them', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`t${at}`, ['']]))
    expect(tagged(many(95))).toBe('accepted')
    expect(tagged(many(96))).toBe('invalid: a key package event has at most 100 tags')
    expect(tagged({ t: ['é'.repeat(8000)] })).toBe('accepted')
    expect(tagged({ t: ['é'.repeat(8192)] })).toBe(
      'invalid: the tags of a key package event have at most 16384 bytes',
    )
  })
})

describe('row 2: a protected event', () => {
  it('may only be published by its author', () => {
    const refusal = 'auth-required: this event may only be published by its author'
    expect(tagged({ '-': [] })).toBe(refusal)
    expect(tagged({ '-': [] }, rules({}, [bob.pubkey]))).toBe(refusal)
    expect(tagged({ '-': [] }, rules({}, [bob.pubkey, alice.pubkey]))).toBe('accepted')
  })
})

describe('row 3: created_at and p', () => {
  it('allows a clock that is 15 minutes ahead', () => {
    expect(publish({ createdAt: NOW + 900 })).toBe('accepted')
    expect(publish({ createdAt: NOW + 901 })).toBe(
      'invalid: created_at is more than 15 minutes in the future',
    )
  })

  it('allows nobody but the author in a p tag', () => {
    expect(tagged({ p: [alice.pubkey] })).toBe('accepted')
    expect(tagged({ p: [bob.pubkey] })).toBe('invalid: the p tag names somebody other than the author')
  })
})

describe.each(['expiration', 'exp'])('row 4: %s', (name) => {
  it('lies in the future (NIP-40)', () => {
    expect(tagged({ [name]: [`${NOW + 1}`] })).toBe('accepted')
    expect(tagged({ [name]: [`${NOW}`] })).toBe('invalid: the key package has expired')
  })

  it.each(['', 'soon', '1.5', '-1'])('is not "%s"', (value) => {
    expect(tagged({ [name]: [value] })).toBe(
      'invalid: the expiration tag must be a time in seconds since the epoch',
    )
  })
})

describe('row 5: mls_protocol_version', () => {
  it.each([null, ['1.1'], [], ['1.0.0']])('is not %j', (value) => {
    expect(tagged({ mls_protocol_version: value })).toBe(
      'invalid: the tag ["mls_protocol_version","1.0"] is needed',
    )
  })
})

describe('row 6: encoding', () => {
  it('is hex for kind 443 and base64 for kind 30443 where no tag says so', () => {
    expect(publish({ encoding: 'absent' })).toBe('accepted')
    const content = Buffer.from(keyPackage.bytes).toString('base64')
    expect(publish({ kind: 30443, encoding: 'absent', content, tags: { d: ['phone'] } }, marmot)).toBe(
      'accepted',
    )
    expect(publish({ kind: 30443, encoding: 'absent', tags: { d: ['phone'] } }, marmot)).toMatch(/^invalid: /)
  })

  it.each(['hex', 'base64'] as const)('may be %s', (encoding) => {
    expect(publish({ encoding })).toBe('accepted')
  })

  it.each(['x', '', 'HEX', 'base64url'])('is not "%s"', (encoding) => {
    expect(tagged({ encoding: [encoding] })).toBe(`invalid: unsupported encoding "${encoding}"`)
  })
})

describe('row 7: content', () => {
  it('decodes', () => {
    expect(publish({ content: 'AAA' })).toMatch(/^invalid: not an MLS KeyPackage/)
    expect(publish({ content: '!' })).toMatch(/^invalid: content is not base64/)
    expect(publish({ encoding: 'hex', content: 'AAA' })).toMatch(/^invalid: content is not hex/)
    const base64 = Buffer.from(keyPackage.bytes).toString('base64')
    expect(publish({ encoding: 'absent', content: base64 })).toContain('["encoding","base64"]')
  })

  it('is not empty', () => {
    expect(publish({ content: '' })).toBe('invalid: content is empty; it must hold a KeyPackage')
  })

  it('has at most maxBytes', () => {
    const { length } = keyPackage.bytes
    expect(publish({}, rules({ validation: { maxBytes: length } }))).toBe('accepted')
    expect(publish({}, rules({ validation: { maxBytes: length - 1 } }))).toBe(
      `invalid: the key package has ${length} bytes; at most ${length - 1} are taken in here`,
    )
  })
})

describe('row 8: the KeyPackage', () => {
  it('may be bare or in an MLSMessage', () => {
    expect(publish({ bytes: keyPackage.message })).toBe('accepted')
  })

  it('is all there is: what follows it may be private keys', () => {
    expect(publish({ bytes: Buffer.concat([keyPackage.bytes, new Uint8Array(96)]) })).toBe(
      'invalid: 96 bytes follow the KeyPackage; a KeyPackageBundle holds private keys and must never be published',
    )
  })

  it('is one', () => {
    expect(publish({ bytes: Uint8Array.of(1, 2, 3) })).toBe(
      'invalid: not an MLS KeyPackage (its version is 258, not mls10)',
    )
  })
})

describe('row 9: the ciphersuite', () => {
  const everySuite = rules({ validation: { ciphersuites: [1, 2, 3, 4, 5, 6, 7] } })

  it.each([1, 2, 3, 4, 5, 6, 7])('may be %i where the operator allows it', async (ciphersuite) => {
    expect(await publishPackage({ ciphersuite }, everySuite)).toBe('accepted')
  })

  it('is 0x0001 otherwise', async () => {
    expect(await publishPackage({ ciphersuite: 3 })).toBe(
      'invalid: ciphersuite 0x0003 is not taken in here, only 0x0001',
    )
  })

  it('is the one of the tag, in either spelling', () => {
    expect(tagged({ mls_ciphersuite: null, ciphersuite: ['1'] })).toBe('accepted')
    expect(tagged({ mls_ciphersuite: ['0x0002'] })).toBe(
      'invalid: the mls_ciphersuite tag says 0x0002, the KeyPackage 0x0001',
    )
    expect(tagged({ ciphersuite: ['0x0002'] })).toBe(
      'invalid: the mls_ciphersuite tag says 0x0002, the KeyPackage 0x0001',
    )
    expect(tagged({ mls_ciphersuite: ['one'] })).toBe(
      'invalid: the mls_ciphersuite tag must hold a code such as 0x0001',
    )
    expect(tagged({ mls_ciphersuite: null })).toBe('invalid: the tag ["mls_ciphersuite","0x0001"] is needed')
  })
})

describe('row 10: the credential', () => {
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

  it('is basic', () => {
    const bytes = Buffer.from(keyPackage.bytes)
    const identity = bytes.indexOf(Buffer.from(alice.pubkey, 'hex'))
    bytes.writeUInt16BE(2, identity - 3)
    expect(publish({ bytes })).toBe('invalid: the credential has type 0x0002; it must be basic (0x0001)')
  })
})

describe('row 11: last_resort', () => {
  const refusal = 'invalid: the mls_extensions tag must announce last_resort (0x000a)'

  it('is announced by kind 443', () => {
    expect(tagged({ mls_extensions: ['0xf2ee'] })).toBe(refusal)
    expect(tagged({ mls_extensions: null })).toBe(refusal)
    expect(tagged({ mls_extensions: null, extensions: ['last_resort'] })).toBe('accepted')
  })

  it('need not be where the operator says so, nor by kind 30443', () => {
    expect(tagged({ mls_extensions: null }, rules({ validation: { requireLastResort: false } }))).toBe(
      'accepted',
    )
    expect(publish({ kind: 30443, tags: { d: ['phone'], mls_extensions: null } }, marmot)).toBe('accepted')
  })
})

describe('row 12: the lifetime', () => {
  it.each([
    ['began', NOW - 1, NOW + DAY, 'accepted'],
    ['begins within an hour, the skew of clocks', NOW + 3600, NOW + DAY, 'accepted'],
    ['begins later', NOW + 3601, NOW + DAY, `invalid: the KeyPackage is not valid before ${NOW + 3601}`],
    ['ends in a second', NOW - DAY, NOW + 1, 'accepted'],
    ['has ended', NOW - DAY, NOW, `invalid: the KeyPackage was valid until ${NOW}; publish a new one`],
  ])('%s', async (_, notBefore, notAfter, expected) => {
    expect(await publishPackage({ lifetime: { notBefore, notAfter } })).toBe(expected)
  })

  it('is cut off ttlSeconds after created_at', () => {
    const by = rules({ stock: { ttlSeconds: 60 } })
    expect(publish({ createdAt: NOW - 59 }, by)).toBe('accepted')
    expect(publish({ createdAt: NOW - 60 }, by)).toBe(
      'invalid: created_at is 60 s ago or more; publish a new one',
    )
  })
})

describe('row 13: the MLS signatures', () => {
  const refusal = 'invalid: a signature of the KeyPackage or its leaf node is wrong'

  it('hold', () => {
    const bytes = Buffer.from(keyPackage.bytes)
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    expect(publish({ bytes })).toBe(refusal)
    expect(publish({ bytes }, rules({ validation: { mls: 'decode' } }))).toBe('accepted')
  })
})

describe('row 14: the i tag', () => {
  it('is the KeyPackageRef', () => {
    const ref = keyPackageRef(keyPackage.bytes, 1)
    expect(tagged({ i: [ref] })).toBe('accepted')
    expect(publish({ bytes: keyPackage.message, tags: { i: [ref] } })).toBe('accepted')
    expect(tagged({ i: [ref.toUpperCase()] })).toBe(`invalid: the i tag is not the KeyPackageRef ${ref}`)
    expect(tagged({ i: [''] })).toBe(`invalid: the i tag is not the KeyPackageRef ${ref}`)
  })
})

describe('row 15: the slot', () => {
  it.each([null, [], ['']])('of kind 30443 is not %j', (d) => {
    expect(publish({ kind: 30443, tags: { d } }, marmot)).toBe(
      'invalid: kind 30443 needs one d tag, not empty',
    )
  })
})

describe('row 15: two slots', () => {
  it('are one too many', () => {
    const { kind, created_at, content, tags } = keyPackageEvent(alice, keyPackage, { kind: 30443 })
    const slots = (...names: string[]) => [
      ...tags.map((tag) => [...tag]),
      ...names.map((name) => ['d', name]),
    ]
    const withSlots = (...names: string[]) =>
      answer(signEvent(alice.secretKey, { kind, created_at, content, tags: slots(...names) }), marmot)
    expect(withSlots('phone')).toBe('accepted')
    expect(withSlots('phone', 'laptop')).toBe('invalid: kind 30443 needs one d tag, not empty')
  })
})

describe('the order of the rows', () => {
  it('decides which answer an event with several faults gets', async () => {
    const faults: NonNullable<KeyPackageEventSettings['tags']>[] = [
      { '-': [] },
      { p: [bob.pubkey] },
      { expiration: ['1'] },
      { mls_protocol_version: null },
      { encoding: ['x'] },
    ]
    const answers = faults.map((_, first) => tagged(Object.assign({}, ...faults.slice(first))))
    expect(answers).toEqual([
      'auth-required: this event may only be published by its author',
      'invalid: the p tag names somebody other than the author',
      'invalid: the key package has expired',
      'invalid: the tag ["mls_protocol_version","1.0"] is needed',
      'invalid: unsupported encoding "x"',
    ])
    const ended = { lifetime: { notBefore: 0, notAfter: 1 } }
    const tags = { i: ['x'], mls_extensions: null, mls_ciphersuite: ['7'] }
    expect(await publishPackage({ ...ended, identity: new Uint8Array(32) }, rules(), { tags })).toContain(
      'ciphersuite',
    )
  })
})

describe('without decoding (validation.mls off)', () => {
  const off = rules({ validation: { mls: 'off' } })

  it('the content may be anything, and the tags are believed', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const event = keyPackageEvent(alice, keyPackage, { bytes })
    expect(checkKeyPackage(event, off, NOW)).toMatchObject({
      ref: keyPackageRef(bytes, 1),
      lastResort: true,
      expiresAt: NOW + 90 * DAY,
    })
  })

  it('a package has the reference that decoding would give it, bare or in an MLSMessage', async () => {
    const made = await makeKeyPackage(alice, { ciphersuite: 7 })
    for (const bytes of [made.bytes, made.message]) {
      const { ref } = checkKeyPackage(keyPackageEvent(alice, made, { bytes }), off, NOW)
      expect(ref).toBe(keyPackageRef(decodeKeyPackage(bytes).bytes, 7))
    }
  })

  it('the tags are still checked', () => {
    expect(tagged({ i: ['x'] }, off)).toContain('the i tag is not the KeyPackageRef')
    expect(tagged({ mls_extensions: null }, off)).toContain('last_resort')
  })
})

describe('what is kept', () => {
  it('is all that choosing and delivering need', () => {
    const event = keyPackageEvent(alice, keyPackage, {
      encoding: 'hex',
      tags: { client: ['x'], p: [alice.pubkey] },
    })
    const { event: text, ...kept } = checkKeyPackage(event, rules(), NOW)
    expect(kept).toEqual({
      author: alice.pubkey,
      id: event.id,
      ref: keyPackageRef(keyPackage.bytes, 1),
      kind: 443,
      createdAt: NOW,
      expiresAt: NOW + 90 * DAY,
      lastResort: true,
      tags: [['p', alice.pubkey]],
      contentForm: 'hex',
    })
    expect(JSON.parse(text)).toEqual({ ...event, content: Buffer.from(keyPackage.bytes).toString('base64') })
  })

  it('of kind 30443 has its slot', () => {
    const event = keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['phone'] } })
    expect(checkKeyPackage(event, marmot, NOW)).toMatchObject({
      kind: 30443,
      slot: 'phone',
      tags: [['d', 'phone']],
    })
  })

  it.each([
    ['not_after', NOW + 10, NOW + 20, 30],
    ['expiration', NOW + 20, NOW + 10, 30],
    ['created_at + ttlSeconds', NOW + 200, NOW + 300, 60],
  ])('expires at the first of three times, here %s', async (_, notAfter, expiration, age) => {
    const made = await makeKeyPackage(alice, { lifetime: { notBefore: NOW, notAfter } })
    const event = keyPackageEvent(alice, made, {
      createdAt: NOW - age + 10,
      tags: { expiration: [`${expiration}`] },
    })
    const ttlSeconds = 60
    const { expiresAt } = checkKeyPackage(event, rules({ stock: { ttlSeconds } }), NOW)
    expect(expiresAt).toBe(Math.min(notAfter, expiration, NOW - age + 10 + ttlSeconds))
    expect(expiresAt).toBe(NOW + 10)
  })

  it.each([0x000a, 0xf000, null])(
    'knows of last_resort from the package, not the tag: %p',
    async (lastResort) => {
      const made = await makeKeyPackage(alice, { lastResort })
      expect(checkKeyPackage(keyPackageEvent(alice, made), rules(), NOW).lastResort).toBe(lastResort !== null)
    },
  )
})

describe('an explanation', () => {
  it('says of every check what it found, also after one that refused', () => {
    const event = keyPackageEvent(alice, keyPackage, { tags: { p: [bob.pubkey], i: ['x'] } })
    const outcomes = explainKeyPackage(event, rules(), NOW)
    expect(outcomes).toHaveLength(15)
    expect(outcomes.filter(({ outcome }) => outcome === 'refused').map(({ check }) => check)).toEqual([
      'time and author',
      'KeyPackageRef',
    ])
    expect(outcomes.filter(({ outcome }) => outcome === 'skipped')).toEqual([])
  })

  it('skips what looks at something that could not be read', () => {
    const outcomes = explainKeyPackage(keyPackageEvent(alice, keyPackage, { content: '!' }), rules(), NOW)
    expect(outcomes.filter(({ outcome }) => outcome === 'skipped').map(({ check }) => check)).toEqual([
      'KeyPackage',
      'ciphersuite',
      'credential',
      'MLS signatures',
      'KeyPackageRef',
    ])
  })

  it('agrees with the gateway: its first refusal is the answer', () => {
    const event = keyPackageEvent(alice, keyPackage, { content: '', tags: { '-': [] } })
    const [first] = explainKeyPackage(event, rules(), NOW).filter(({ outcome }) => outcome === 'refused')
    expect(first).toMatchObject({ refusal: { message: answer(event) } })
  })
})

it('no event gets anything but a Refusal or a package (I9)', () => {
  const { verifyEvent: _, ...verified } = rules({
    profile: 'marmot',
    validation: { ciphersuites: [1, 2, 3] },
  })
  const base = keyPackageEvent(alice, keyPackage)
  const names = base.tags.map(([name = '']) => name)
  const tag = fc.tuple(
    fc.oneof(fc.constantFrom(...names, 'extensions', 'expiration', 'exp', 'i', 'd', 'p', '-'), fc.string()),
    fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('0x0001', '1.0', 'base64', '0x000a')), {
      maxLength: 3,
    }),
  )
  const mutation = fc.record(
    {
      kind: fc.constantFrom(443, 30443, 1),
      created_at: fc.oneof(fc.constant(NOW), fc.maxSafeInteger()),
      tags: fc.array(tag.map(([name, values]) => [name, ...values])).map((tags) => [...base.tags, ...tags]),
      content: fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.tuple(fc.nat(keyPackage.bytes.length - 1), fc.nat(255)).map(([position, value]) =>
          Buffer.from(keyPackage.bytes)
            .fill(value, position, position + 1)
            .toString('base64'),
        ),
      ),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(mutation, fc.constantFrom('verify', 'decode', 'off'), (changes, mls) => {
      const event = { ...base, ...changes }
      expect(isSignedEvent(event)).toBe(true)
      const by = { ...verified, validation: { ...verified.validation, mls } }
      const said = answer(event, by)
      expect(said).toMatch(/^(accepted$|invalid: |auth-required: )/)
      const refused = explainKeyPackage(event, by, NOW).find(({ outcome }) => outcome === 'refused')
      expect(refused?.outcome === 'refused' ? refused.refusal.message : 'accepted').toBe(said)
    }),
    { numRuns: 1000 },
  )
})
