/** Key package events and relay lists (NIP-EE, MIP-00): created and read; the gateway accepts what is created. */

import { describe, expect, it } from '@jest/globals'
import { finalizeEvent, type NostrEvent } from 'nostr-tools/pure'
import {
  createDeleteKeyPackageEvent,
  createKeyPackageEvent,
  getKeyPackage,
  getKeyPackageBytes,
} from '../../../adapters/client/events.ts'
import { calculateKeyPackageRef } from '../../../adapters/client/mls.ts'
import {
  createKeyPackageRelayListEvent,
  getKeyPackageRelayList,
  getWriteRelays,
  isValidKeyPackageRelayListEvent,
} from '../../../adapters/client/relay-lists.ts'
import { alice, answer, keyPackage } from '../../support/key-package-answers.ts'
import { keyPackageEvent, NOW, signEvent } from '../../support/key-packages.ts'

const relays = ['wss://relay1.com', 'wss://relay2.com']
const ref = await calculateKeyPackageRef(keyPackage.bytes)
const hexRef = Buffer.from(ref).toString('hex')

describe('createKeyPackageEvent', () => {
  it('has the tags of NIP-EE', () => {
    const event = createKeyPackageEvent({
      keyPackage: keyPackage.publicPackage,
      relays,
      client: 'my-app-v1.0',
      createdAt: NOW,
    })
    expect(event).toEqual({
      kind: 443,
      created_at: NOW,
      tags: [
        ['mls_protocol_version', '1.0'],
        ['mls_ciphersuite', '0x0001'],
        ['mls_extensions', '0x000a', '0xf2ee'],
        ['relays', ...relays],
        ['client', 'my-app-v1.0'],
        ['encoding', 'base64'],
      ],
      content: Buffer.from(keyPackage.bytes).toString('base64'),
    })
  })

  it.each([
    ['the object of ts-mls', keyPackage.publicPackage],
    ['bytes', keyPackage.bytes],
    ['an MLSMessage', keyPackage.message],
  ])('takes a KeyPackage as %s, and the gateway accepts the event', (_as, given) => {
    const event = createKeyPackageEvent({ keyPackage: given, relays, ref, createdAt: NOW })
    expect(answer(signEvent(alice.secretKey, event))).toBe('accepted')
    expect(event.tags).toContainEqual(['i', hexRef])
  })

  it('with a slot is kind 30443 with a d tag, and base64 without an encoding tag', () => {
    const settings = { keyPackage: keyPackage.bytes, relays, slot: 'phone', createdAt: NOW }
    const event = createKeyPackageEvent(settings)
    expect(event.kind).toBe(30443)
    expect(event.tags).toContainEqual(['d', 'phone'])
    expect(event.tags.map(([name]) => name)).not.toContain('encoding')
    expect(answer(signEvent(alice.secretKey, event))).toBe('accepted')
  })

  it('adds further tags unchanged', () => {
    const { tags } = createKeyPackageEvent({ keyPackage: keyPackage.bytes, relays, tags: [['-']] })
    expect(tags.at(-1)).toEqual(['-'])
  })

  it('throws if the bytes are not a KeyPackage, or private keys follow it', () => {
    const bundle = Uint8Array.from([...keyPackage.bytes, 1, 2, 3])
    for (const bytes of [bundle, new Uint8Array(), Uint8Array.of(0, 1)]) {
      expect(() => createKeyPackageEvent({ keyPackage: bytes, relays })).toThrow('not an MLS KeyPackage')
    }
  })
})

describe('getKeyPackage', () => {
  it.each(['hex', 'base64', 'absent'] as const)('reads an event with the encoding tag %s', (encoding) => {
    expect(getKeyPackage(readable(keyPackageEvent(alice, keyPackage, { encoding })))).toEqual(
      keyPackage.publicPackage,
    )
  })

  it('reads URL-safe base64, and base64 without padding', () => {
    const content = Buffer.from(keyPackage.bytes).toString('base64url')
    expect(getKeyPackageBytes(readable(keyPackageEvent(alice, keyPackage, { content })))).toEqual(
      keyPackage.bytes,
    )
  })

  it('throws on an unknown encoding', () => {
    const event = keyPackageEvent(alice, keyPackage, { tags: { encoding: ['base32'] } })
    expect(() => getKeyPackage(readable(event))).toThrow('unsupported encoding "base32"')
  })
})

describe('createDeleteKeyPackageEvent', () => {
  it('names one or several packages, with their kinds and a reason', () => {
    expect(createDeleteKeyPackageEvent('a'.repeat(64), 'Key package consumed', NOW)).toEqual({
      kind: 5,
      created_at: NOW,
      tags: [
        ['e', 'a'.repeat(64)],
        ['k', '443'],
      ],
      content: 'Key package consumed',
    })
    const slot = readable(keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['phone'] } }))
    expect(createDeleteKeyPackageEvent(['b'.repeat(64), slot]).tags).toEqual([
      ['e', 'b'.repeat(64)],
      ['e', slot.id],
      ['k', '443'],
      ['k', '30443'],
    ])
  })
})

describe('relay lists', () => {
  it('are created and read', () => {
    const event = finalizeEvent(createKeyPackageRelayListEvent(relays, NOW), alice.secretKey)
    expect(event).toMatchObject({ kind: 10051, created_at: NOW, content: '' })
    expect(isValidKeyPackageRelayListEvent(event)).toBe(true)
    expect(getKeyPackageRelayList(event)).toEqual(relays)
  })

  it.each([
    ['no event', undefined],
    ['another kind', finalizeEvent({ ...createKeyPackageRelayListEvent(relays), kind: 1 }, alice.secretKey)],
    ['no valid address', finalizeEvent(createKeyPackageRelayListEvent(['relay1.com']), alice.secretKey)],
  ])('are not valid with %s', (_what, event) => {
    expect(isValidKeyPackageRelayListEvent(event)).toBe(false)
  })

  it('of kind 10002 give the relays that are marked write or have no marker', () => {
    const tags = [
      ['r', 'wss://both.example'],
      ['r', 'wss://read.example', 'read'],
      ['r', 'wss://write.example', 'write'],
      ['r', 'https://example.com'],
      ['p', 'wss://p.example'],
    ]
    expect(getWriteRelays({ tags })).toEqual(['wss://both.example', 'wss://write.example'])
  })
})

/** The same event with the type of nostr-tools, which has mutable arrays. */
function readable(event: object): NostrEvent {
  return event as NostrEvent
}
