/** The WebAssembly verifier agrees with nostr-tools' own on any input, and does not run out of memory. */

import { beforeAll, describe, expect, it } from '@jest/globals'
import { finalizeEvent, getEventHash, verifyEvent } from 'nostr-tools/pure'
import { createVerifier } from '../../../adapters/node/verify-event.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const { secretKey } = person('alice')
const event = sign('hello')

let verify: (event: SignedEvent) => boolean
beforeAll(async () => {
  verify = await createVerifier()
})

describe('a valid event', () => {
  it.each([
    ['plain', sign('hello')],
    ['empty', sign('')],
    ['with characters that JSON escapes', sign('"\\\b\f\n\r\t\u0000\u007f\u2028/é漢😀')],
    ['with tags', sign('', [['e', 'ß"'], [], ['-']])],
    ['of 512 KiB', sign('x'.repeat(524_288))],
    ['larger than the memory of the WebAssembly module', sign('\u0001'.repeat(3_000_000))],
  ])('is accepted: %s', (_, valid) => {
    expect(verify(valid)).toBe(true)
  })
})

describe('an invalid event', () => {
  const wrong: [string, Record<string, unknown>][] = [
    ['content', { content: 'hallo' }],
    ['content with a lone surrogate, which UTF-8 cannot encode', { ...sign('\ud800') }],
    ['kind', { kind: 2 }],
    ['created_at', { created_at: NOW + 1 }],
    ['tags', { tags: [['t', 'x']] }],
    ['id', { id: '0'.repeat(64) }],
    ['id, cut short', { id: event.id.slice(0, 32) }],
    ['id, empty', { id: '' }],
    ['id, in capitals', { id: event.id.toUpperCase() }],
    ['id, too long', { id: `${event.id}00` }],
    ['pubkey of somebody else', { pubkey: person('bob').pubkey }],
    ['pubkey that is no point', { pubkey: 'f'.repeat(64) }],
    ['pubkey that is no hex', { pubkey: 'z'.repeat(64) }],
    ['signature', { sig: '0'.repeat(128) }],
    ['signature, too long', { sig: `${event.sig}${'00'.repeat(4096)}` }],
    ['signature, absent', { sig: undefined }],
    ['tags, absent', { tags: undefined }],
    ['kind that is a text', { kind: '1' }],
  ]

  it.each(wrong)('is refused: %s', (_, change) => {
    expect(verify({ ...event, ...change })).toBe(false)
    expect(verify(event)).toBe(true)
  })

  it('is refused if its id is right but somebody else signed it', () => {
    const forged = { ...event, pubkey: person('bob').pubkey }
    expect(verify({ ...forged, id: getEventHash(forged) } as SignedEvent)).toBe(false)
  })

  it('is refused by both verifiers, whichever bit of the signature is changed', () => {
    for (let bit = 0; bit < 512; bit += 7) {
      const sig = Buffer.from(event.sig, 'hex')
      sig.writeUInt8(sig.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      const changed = { ...event, sig: sig.toString('hex') }
      expect(verify(changed)).toBe(false)
      expect(verifyEvent(changed as never)).toBe(false)
    }
  })
})

it('does not leak memory (I9)', () => {
  const large = sign('x'.repeat(524_288))
  const forged = { ...large, sig: event.sig }
  for (let round = 0; round < 100; round += 1) {
    expect(verify(forged)).toBe(false)
    expect(verify(large)).toBe(true)
  }
})

/** By nostr-tools; a copy, for it marks what it has signed as verified. */
function sign(content: string, tags: string[][] = []): SignedEvent {
  const event = finalizeEvent({ kind: 1, created_at: NOW, tags, content }, secretKey)
  return JSON.parse(JSON.stringify(event))
}
