/** Rows 1 to 7 of the checks in validate.ts: the event, before its key package is decoded. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import {
  alice,
  answer,
  bob,
  keyPackage,
  publish,
  rules,
  strict,
  tagged,
} from '../../support/key-package-answers.ts'
import { keyPackageEvent, NOW, signEvent } from '../../support/key-packages.ts'

it('accepts a key package event as in MIP-00', () => {
  expect(publish({})).toBe('accepted')
})

describe('row 1: the event', () => {
  it('must have its hash as id', () => {
    const event = keyPackageEvent(alice, keyPackage)
    expect(answer({ ...event, created_at: event.created_at + 1 })).toBe(
      'invalid: the id is not the hash of the event; an event that was re-encoded for delivery must be restored first',
    )
  })

  it('must have a valid signature', () => {
    const event = keyPackageEvent(alice, keyPackage)
    expect(answer({ ...event, sig: event.sig.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) })).toBe(
      'invalid: the signature is wrong',
    )
  })

  it('is not verified again if the relay has done so', () => {
    const { verifyEvent: _, ...verified } = rules()
    expect(answer({ ...keyPackageEvent(alice, keyPackage), sig: '0'.repeat(128) }, verified)).toBe('accepted')
  })

  it('must be of a kind that the gateway handles', () => {
    expect(publish({ kind: 30443, tags: { d: ['phone'] } })).toBe('accepted')
    expect(publish({ kind: 30443, tags: { d: ['phone'] } }, rules({ kinds: [443] }))).toBe(
      'invalid: kind 30443 is not accepted here',
    )
  })

  it('must not have more than 100 tags or 16 KiB of tags', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`t${at}`, ['']]))
    expect(tagged(many(95))).toBe('accepted')
    expect(tagged(many(96))).toBe('invalid: a key package event may have at most 100 tags')
    const { tags } = keyPackageEvent(alice, keyPackage, { tags: { t: [''] } })
    const room = 16_384 - Buffer.byteLength(JSON.stringify(tags))
    const fitting = 'é'.repeat(room >> 1).padStart(room - (room >> 1), 'e')
    expect(tagged({ t: [fitting] })).toBe('accepted')
    expect(tagged({ t: [`${fitting}e`] })).toBe(
      'invalid: the tags of a key package event may have at most 16384 bytes',
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

describe('row 3: an author or address that is banned', () => {
  it('is answered with the reason', () => {
    const blocked = new Refusal('blocked', 'not here')
    expect(publish({}, { ...rules(), blocked })).toBe('blocked: not here')
  })
})

describe('row 4: created_at and p', () => {
  it('may be up to 15 minutes ahead', () => {
    expect(publish({ createdAt: NOW + 900 })).toBe('accepted')
    expect(publish({ createdAt: NOW + 901 })).toBe(
      'invalid: created_at is more than 15 minutes in the future',
    )
  })

  it('must name only the author in a p tag', () => {
    expect(tagged({ p: [alice.pubkey] })).toBe('accepted')
    expect(tagged({ p: [bob.pubkey] })).toBe('invalid: the p tag does not name the author')
  })
})

describe.each(['expiration', 'exp'])('row 5: %s', (name) => {
  it('must be in the future (NIP-40)', () => {
    expect(tagged({ [name]: [`${NOW + 1}`] })).toBe('accepted')
    expect(tagged({ [name]: [`${NOW}`] })).toBe('invalid: the key package has expired')
  })

  it.each(['', 'soon', '1.5', '-1'])('must not be "%s"', (value) => {
    expect(tagged({ [name]: [value] })).toBe(
      'invalid: the expiration tag must be a time in seconds since the epoch',
    )
  })
})

describe('row 6: mls_protocol_version', () => {
  it.each([null, ['1.0'], ['1']])('may be %j, as a generation of clients writes it', (value) => {
    expect(tagged({ mls_protocol_version: value })).toBe('accepted')
  })

  it.each([['1.1'], [], ['1.0.0'], ['2']])('must not be %j', (...value) => {
    expect(tagged({ mls_protocol_version: value })).toBe('invalid: the mls_protocol_version tag must be 1.0')
  })

  it.each([null, ['1'], ['1.1'], [], ['1.0.0']])(
    'must not be %j where tags are checked strictly',
    (value) => {
      expect(tagged({ mls_protocol_version: value }, strict)).toBe(
        'invalid: the tag ["mls_protocol_version","1.0"] is required',
      )
    },
  )
})

describe('a second tag', () => {
  const withTag = (tag: string[], by = rules()) => {
    const { kind, created_at, content, tags } = keyPackageEvent(alice, keyPackage)
    return answer(signEvent(alice.secretKey, { kind, created_at, content, tags: [...others(tags), tag] }), by)
  }
  const others = (tags: SignedEvent['tags']) => tags.map((tag) => [...tag])

  it('with another version is refused, strictly or not', () => {
    const version = ['mls_protocol_version', '1.1']
    expect(withTag(version)).toBe('invalid: the mls_protocol_version tag must be 1.0')
    expect(withTag(version, strict)).toBe('invalid: the tag ["mls_protocol_version","1.0"] is required')
  })

  it('with an encoding is refused, the same or not', () => {
    for (const encoding of ['base64', 'hex']) {
      expect(withTag(['encoding', encoding])).toBe('invalid: there is more than one encoding tag')
    }
  })
})

describe('row 7: encoding', () => {
  it('is hex for kind 443 and base64 for kind 30443 without a tag', () => {
    expect(publish({ encoding: 'absent' })).toBe('accepted')
    const content = Buffer.from(keyPackage.bytes).toString('base64')
    expect(publish({ kind: 30443, encoding: 'absent', content, tags: { d: ['phone'] } })).toBe('accepted')
    expect(publish({ kind: 30443, encoding: 'absent', tags: { d: ['phone'] } })).toMatch(/^invalid: /)
  })

  it.each(['hex', 'base64'] as const)('may be %s', (encoding) => {
    expect(publish({ encoding })).toBe('accepted')
  })

  it('must be base64 for kind 30443', () => {
    const settings = { kind: 30443, tags: { d: ['phone'] } }
    expect(publish({ ...settings, encoding: 'base64' })).toBe('accepted')
    expect(publish({ ...settings, encoding: 'hex' })).toBe('invalid: unsupported encoding "hex"')
  })

  it.each(['x', '', 'HEX', 'base64url'])('must not be "%s"', (encoding) => {
    expect(tagged({ encoding: [encoding] })).toBe(`invalid: unsupported encoding "${encoding}"`)
  })

  it('is named in the answer, up to 32 characters of it', () => {
    expect(tagged({ encoding: ['x'.repeat(33)] })).toBe(`invalid: unsupported encoding "${'x'.repeat(32)}"`)
  })
})

describe('row 8: content', () => {
  it('must be decodable', () => {
    expect(publish({ content: 'AAA' })).toMatch(/^invalid: not an MLS KeyPackage/)
    expect(publish({ content: '!' })).toMatch(/^invalid: content is not base64/)
    expect(publish({ encoding: 'hex', content: 'AAA' })).toMatch(/^invalid: content is not hex/)
    const base64 = Buffer.from(keyPackage.bytes).toString('base64')
    expect(publish({ encoding: 'absent', content: base64 })).toContain('["encoding","base64"]')
  })

  it('must not be empty', () => {
    expect(publish({ content: '' })).toBe('invalid: content is empty; it must hold a KeyPackage')
  })

  it('must have at most maxBytes', () => {
    const { length } = keyPackage.bytes
    expect(publish({}, rules({ validation: { maxBytes: length } }))).toBe('accepted')
    expect(publish({}, rules({ validation: { maxBytes: length - 1 } }))).toBe(
      `invalid: the key package has ${length} bytes; at most ${length - 1} are accepted here`,
    )
  })
})
