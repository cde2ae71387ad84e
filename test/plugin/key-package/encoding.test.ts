/** Content in every form, and events that are re-encoded for a client and restored by it. */

import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { verifyEvent } from 'nostr-tools/pure'
import {
  type ContentForm,
  deliveredEvent,
  type Encoding,
  readContent,
  storedText,
  writeContent,
} from '../../../plugin/key-package/encoding.ts'
import { restoreSignedEvent } from '../../../plugin/key-package/restore.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import {
  keyPackageEvent,
  type MadeKeyPackage,
  makeKeyPackage,
  signEvent,
} from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const FORMS: readonly (readonly [ContentForm, Encoding])[] = [
  ['hex', 'hex'],
  ['hex-upper', 'hex'],
  ['base64', 'base64'],
  ['base64-unpadded', 'base64'],
  ['base64url', 'base64'],
  ['base64url-unpadded', 'base64'],
]

const bytesArbitrary = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Uint8Array.from(bytes))
const formArbitrary = fc.constantFrom(...FORMS)

describe('content', () => {
  it.each<[ContentForm, string]>([
    ['hex', 'fbefff00ab'],
    ['hex-upper', 'FBEFFF00AB'],
    ['base64', '++//AKs='],
    ['base64-unpadded', '++//AKs'],
    ['base64url', '--__AKs='],
    ['base64url-unpadded', '--__AKs'],
  ])('in form %s is %s', (form, text) => {
    expect(writeContent(Uint8Array.of(0xfb, 0xef, 0xff, 0x00, 0xab), form)).toBe(text)
  })

  it.each(FORMS)('is read in form %s and written back exactly', (form, encoding) => {
    const bytes = Uint8Array.of(0xfb, 0xef, 0xff, 0x00, 0xab)
    const content = writeContent(bytes, form)
    expect(readContent(content, encoding)).toEqual({ bytes: Buffer.from(bytes), form })
  })

  it('survives reading and writing, whatever its bytes and form', () => {
    fc.assert(
      fc.property(bytesArbitrary, formArbitrary, (bytes, [form, encoding]) => {
        const content = writeContent(bytes, form)
        const read = readContent(content, encoding)
        expect(Buffer.from(bytes).equals(read.bytes)).toBe(true)
        expect(writeContent(read.bytes, read.form)).toBe(content)
      }),
    )
  })

  it.each<[string, string, Encoding]>([
    ['hex of mixed case', 'aBcdef', 'hex'],
    ['hex with an odd number of digits', 'abc', 'hex'],
    ['hex with other characters', 'abxy', 'hex'],
    ['hex with 0x before it', '0xab', 'hex'],
    ['hex with a line break', 'ab\ncd', 'hex'],
    ['base64 of mixed alphabets', '++__', 'base64'],
    ['base64 with a line break', 'AAAA\nAAAA', 'base64'],
    ['base64 with bits that say nothing', 'AB==', 'base64'],
    ['base64 with too little padding', 'AA=', 'base64'],
    ['base64 with too much padding', 'AAA==', 'base64'],
    ['base64 with padding inside', 'AA==AAAA', 'base64'],
    ['base64 with a digit too many', 'AAAAA', 'base64'],
  ])('is refused as %s: a client could not undo it', (_, content, encoding) => {
    expect(() => readContent(content, encoding)).toThrow(`invalid: content is not ${encoding}`)
  })

  it('in any other form is refused or survives exactly (I9)', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom<Encoding>('hex', 'base64'),
        (content, encoding) => {
          try {
            const { bytes, form } = readContent(content, encoding)
            expect(writeContent(bytes, form)).toBe(content)
          } catch (error) {
            expect(error).toHaveProperty('prefix', 'invalid')
          }
        },
      ),
    )
  })
})

describe('a delivered event', () => {
  const alice = person()
  let keyPackage: MadeKeyPackage

  beforeAll(async () => {
    keyPackage = await makeKeyPackage(alice)
  })

  const store = (event: SignedEvent, contentForm: ContentForm) => ({
    event: storedText(event, keyPackage.bytes),
    contentForm,
  })

  it('is unchanged in the form it was published in: the signature is valid', () => {
    for (const encoding of ['hex', 'base64', 'absent'] as const) {
      const form = encoding === 'absent' ? 'hex' : encoding
      const event = keyPackageEvent(alice, keyPackage, { encoding })
      const delivered = deliveredEvent(store(event, form), form)
      expect(delivered).toEqual(event)
      expect(verifyEvent(mutable(delivered))).toBe(true)
    }
  })

  it.each(FORMS)('is as published if requested, from form %s', (form) => {
    const event = keyPackageEvent(alice, keyPackage, { content: writeContent(keyPackage.bytes, form) })
    expect(deliveredEvent(store(event, form), 'as-published')).toEqual(event)
  })

  it('is as published for kind 30443, whatever was requested', () => {
    const event = keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['phone'] } })
    expect(deliveredEvent(store(event, 'base64'), 'hex')).toEqual(event)
  })

  it('has its new encoding in the existing tag', () => {
    const event = keyPackageEvent(alice, keyPackage, { encoding: 'base64', tags: { client: ['x'] } })
    const delivered = deliveredEvent(store(event, 'base64'), 'hex')
    expect(delivered).toEqual({
      ...event,
      content: Buffer.from(keyPackage.bytes).toString('hex'),
      tags: event.tags.map((tag) => (tag[0] === 'encoding' ? ['encoding', 'hex'] : tag)),
    })
  })

  it('has its new encoding in a new last tag if there was none', () => {
    const event = keyPackageEvent(alice, keyPackage, { encoding: 'absent' })
    expect(deliveredEvent(store(event, 'hex'), 'base64')).toEqual({
      ...event,
      content: Buffer.from(keyPackage.bytes).toString('base64'),
      tags: [...event.tags, ['encoding', 'base64']],
    })
  })

  it('can be restored exactly, for every form, tag layout and output (I8)', () => {
    const layout = fc.record({
      form: formArbitrary,
      before: fc.integer({ min: 0, max: 2 }),
      after: fc.integer({ min: 0, max: 2 }),
      tag: fc.constantFrom('present', 'absent', 'with more values'),
      output: fc.constantFrom('hex', 'base64', 'as-published'),
    })
    fc.assert(
      fc.property(layout, ({ form: [form, encoding], before, after, tag, output }) => {
        fc.pre(tag !== 'absent' || encoding === 'hex')
        const said =
          tag === 'with more values' ? ['encoding', encoding, 'and', 'more'] : ['encoding', encoding]
        const tags = [...others(before), ...(tag === 'absent' ? [] : [said]), ...others(after)]
        const content = writeContent(keyPackage.bytes, form)
        const event = signEvent(alice.secretKey, { kind: 443, created_at: 1, tags, content })
        const delivered = deliveredEvent(store(event, readContent(content, encoding).form), output)
        expect({ ...delivered, content, tags }).toEqual(event)
        expect(restoreSignedEvent(delivered)).toEqual(event)
      }),
      { numRuns: 150 },
    )
  })

  it('keeps only the fields of NIP-01', () => {
    const event = { ...keyPackageEvent(alice, keyPackage), seen_on: 'wss://elsewhere.example' }
    expect(deliveredEvent(store(event, 'base64'), 'as-published')).not.toHaveProperty('seen_on')
  })
})

describe('restoreSignedEvent', () => {
  const alice = person()
  const event = signEvent(alice.secretKey, {
    kind: 443,
    created_at: 1,
    tags: [['encoding', 'base64']],
    content: 'AQID',
  })

  it('returns an event that was not re-encoded unchanged', () => {
    expect(restoreSignedEvent(event)).toBe(event)
  })

  it('returns an event that verifies, even if the re-encoded one failed to verify before', () => {
    const delivered = mutable({ ...event, content: '010203', tags: [['encoding', 'hex']] })
    expect(verifyEvent(delivered)).toBe(false)
    expect(verifyEvent(restoreSignedEvent(delivered))).toBe(true)
  })

  it.each([
    ['other bytes', { content: '010204', tags: [['encoding', 'hex']] }],
    ['content in no encoding', { content: '01020', tags: [['encoding', 'hex']] }],
    ['another tag', { content: '010203', tags: [['encoding', 'hex'], ['x']] }],
    ['another tag behind its own', { content: 'AQID', tags: [['encoding', 'base64'], ['x']] }],
    ['no encoding', { content: 'AQID', tags: [] }],
    ['an unknown encoding', { content: 'AQID', tags: [['encoding', 'base32']] }],
  ])('throws on %s', (_, changes) => {
    expect(() => restoreSignedEvent({ ...event, ...changes })).toThrow('is not a re-encoded key package')
  })
})

function others(count: number): string[][] {
  return Array.from({ length: count }, (_, index) => ['x', String(index)])
}

/** nostr-tools takes events it may mark. */
function mutable(event: SignedEvent) {
  return JSON.parse(JSON.stringify(event)) as Parameters<typeof verifyEvent>[0]
}
