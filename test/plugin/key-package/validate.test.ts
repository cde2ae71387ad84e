/** All checks together: which one answers, what is stored of an event that passes, and explanations. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { decodeKeyPackage, keyPackageRef } from '../../../plugin/key-package/decode.ts'
import { checkKeyPackage, explainKeyPackage, type RulesHere } from '../../../plugin/key-package/validate.ts'
import { isSignedEvent } from '../../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { mdkEvent } from '../../support/generations.ts'
import {
  alice,
  answer,
  bob,
  keyPackage,
  publishPackage,
  rules,
  tagged,
} from '../../support/key-package-answers.ts'
import {
  type KeyPackageEventSettings,
  keyPackageEvent,
  makeKeyPackage,
  NOW,
} from '../../support/key-packages.ts'

const DAY = 86_400

describe('the order of the checks', () => {
  it('decides the answer to an event with several faults', async () => {
    const faults: NonNullable<KeyPackageEventSettings['tags']>[] = [
      { '-': [] },
      { p: [bob.pubkey] },
      { expiration: ['1'] },
      { mls_protocol_version: ['2.0'] },
      { encoding: ['x'] },
    ]
    const answers = faults.map((_, first) => tagged(Object.assign({}, ...faults.slice(first))))
    expect(answers).toEqual([
      'auth-required: this event may only be published by its author',
      'invalid: the p tag does not name the author',
      'invalid: the key package has expired',
      'invalid: the mls_protocol_version tag must be 1.0',
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

  it('accepts any content, and uses the tags', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const event = keyPackageEvent(alice, keyPackage, { bytes })
    expect(checkKeyPackage(event, off, NOW)).toMatchObject({
      ref: keyPackageRef(bytes, 1),
      lastResort: true,
      expiresAt: NOW + 90 * DAY,
    })
  })

  it('calculates the same KeyPackageRef as with decoding, bare or in an MLSMessage', async () => {
    const made = await makeKeyPackage(alice, { ciphersuite: 7 })
    for (const bytes of [made.bytes, made.message]) {
      const { ref } = checkKeyPackage(keyPackageEvent(alice, made, { bytes }), off, NOW)
      expect(ref).toBe(keyPackageRef(decodeKeyPackage(bytes).bytes, 7))
    }
  })

  it('still checks the tags', () => {
    expect(tagged({ i: ['x'] }, off)).toContain('the i tag is not the KeyPackageRef')
    const requiring = rules({ validation: { mls: 'off', requireLastResort: true } })
    expect(tagged({ mls_extensions: null }, requiring)).toContain('last_resort')
  })
})

describe('a stored package', () => {
  it('has everything that selecting and delivering need', () => {
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
    expect(checkKeyPackage(event, rules(), NOW)).toMatchObject({
      kind: 30443,
      slot: 'phone',
      tags: [['d', 'phone']],
    })
  })

  it('of kind 443 has none, whatever its d tag says', () => {
    const event = keyPackageEvent(alice, keyPackage, { tags: { d: ['phone'] } })
    expect(checkKeyPackage(event, rules(), NOW)).not.toHaveProperty('slot')
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
    const { expiresAt, keyPackageExpiresAt } = checkKeyPackage(event, rules({ stock: { ttlSeconds } }), NOW)
    expect(expiresAt).toBe(Math.min(notAfter, expiration, NOW - age + 10 + ttlSeconds))
    expect(expiresAt).toBe(NOW + 10)
    expect(keyPackageExpiresAt).toBe(expiration === NOW + 10 ? NOW + 20 : undefined)
  })

  it.each([0x000a, 0xf000, null])(
    'knows of last_resort from the package, not the tag: %p',
    async (lastResort) => {
      const made = await makeKeyPackage(alice, { lastResort })
      expect(checkKeyPackage(keyPackageEvent(alice, made), rules(), NOW).lastResort).toBe(lastResort !== null)
    },
  )
})

describe('explainKeyPackage', () => {
  it('returns the outcome of every check, also after one that refused', () => {
    const event = keyPackageEvent(alice, keyPackage, { tags: { p: [bob.pubkey], i: ['x'] } })
    const outcomes = explainKeyPackage(event, rules(), NOW).checks
    expect(outcomes).toHaveLength(17)
    expect(outcomes.filter(({ outcome }) => outcome === 'refused').map(({ check }) => check)).toEqual([
      'time and author',
      'KeyPackageRef',
    ])
    expect(outcomes.filter(({ outcome }) => outcome === 'skipped').map(({ check }) => check)).toEqual([
      'Marmot specification',
    ])
  })

  it('names every check, in the order in which they are made', () => {
    const { checks } = explainKeyPackage(keyPackageEvent(alice, keyPackage), rules(), NOW)
    expect(checks.map(({ check }) => check)).toEqual([
      'event',
      'protection',
      'time and author',
      'expiration',
      'protocol version',
      'encoding',
      'content',
      'KeyPackage',
      'ciphersuite',
      'credential',
      'receivers',
      'last_resort',
      'lifetime',
      'MLS signatures',
      'KeyPackageRef',
      'slot',
      'Marmot specification',
    ])
  })

  it('says of every check whether it passed or was skipped', async () => {
    const outcomesOf = (event: SignedEvent, by: RulesHere) =>
      explainKeyPackage(event, by, NOW).checks.map(({ outcome }) => outcome)
    const all = Array.from({ length: 17 }, () => 'passed')
    expect(outcomesOf(keyPackageEvent(alice, keyPackage), rules())).toEqual([...all.slice(1), 'skipped'])
    expect(outcomesOf(await mdkEvent(alice), rules({ profile: 'marmot' }))).toEqual(all)
  })

  const ofKeyPackage = [
    'ciphersuite',
    'credential',
    'receivers',
    'MLS signatures',
    'KeyPackageRef',
    'Marmot specification',
  ]

  it.each<[string, KeyPackageEventSettings, string[]]>([
    ['encoding is unknown', { tags: { encoding: ['x'] } }, ['content', 'KeyPackage', ...ofKeyPackage]],
    ['content cannot be decoded', { content: '!' }, ['KeyPackage', ...ofKeyPackage]],
    ['content is no KeyPackage', { content: 'AAAA' }, ofKeyPackage],
  ])('skips checks whose input could not be read, because its %s', (_, settings, skipped) => {
    const outcomes = explainKeyPackage(keyPackageEvent(alice, keyPackage, settings), rules(), NOW).checks
    expect(outcomes.filter(({ outcome }) => outcome === 'skipped').map(({ check }) => check)).toEqual(skipped)
  })

  it('takes no other failure for a refusal', () => {
    const fails = () => {
      throw new Error('no verifier')
    }
    const by = { ...rules(), verifyEvent: fails }
    expect(() => explainKeyPackage(keyPackageEvent(alice, keyPackage), by, NOW)).toThrow('no verifier')
  })

  it('agrees with the gateway: the first refusal is the answer', () => {
    const event = keyPackageEvent(alice, keyPackage, { content: '', tags: { '-': [] } })
    const [first] = explainKeyPackage(event, rules(), NOW).checks.filter(
      ({ outcome }) => outcome === 'refused',
    )
    expect(first).toMatchObject({ refusal: { message: answer(event) } })
  })
})

it('no event causes anything but a Refusal or a package (I9)', () => {
  const { verifyEvent: _, ...verified } = rules({
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
      const refused = explainKeyPackage(event, by, NOW).checks.find(({ outcome }) => outcome === 'refused')
      expect(refused?.outcome === 'refused' ? refused.refusal.message : 'accepted').toBe(said)
    }),
    { numRuns: 1000 },
  )
})
