/** Key package events and relay lists of every generation (NIP-EE, MIP-00, Marmot): created and read; the gateway accepts what is created. */

import { describe, expect, it } from '@jest/globals'
import { finalizeEvent, type NostrEvent } from 'nostr-tools/pure'
import { PlainKeySigner } from 'nostr-tools/signer'
import type { KeyPackage } from 'ts-mls'
import {
  createDeleteKeyPackageEvent,
  createKeyPackageEvent,
  createSlotId,
  getKeyPackage,
  getKeyPackageBytes,
  type KeyPackageEventSettings,
} from '../../../adapters/client/events.ts'
import {
  defaultCapabilities,
  type GenerateSettings,
  generateKeyPackage,
} from '../../../adapters/client/generate.ts'
import { calculateKeyPackageRef, readKeyPackage } from '../../../adapters/client/mls.ts'
import {
  createKeyPackageRelayListEvent,
  getKeyPackageRelayList,
  getWriteRelays,
  isValidKeyPackageRelayListEvent,
} from '../../../adapters/client/relay-lists.ts'

import { alice, answer, keyPackage, rules } from '../../support/key-package-answers.ts'

import { keyPackageEvent, NOW, signEvent } from '../../support/key-packages.ts'

const relays = ['wss://relay1.com', 'wss://relay2.com']

/** Made now, of Alice. */
function generate(settings: Omit<GenerateSettings, 'pubkey'>) {
  return generateKeyPackage({ pubkey: alice.pubkey, now: NOW, ...settings })
}

async function refOf(own: KeyPackage): Promise<string> {
  return Buffer.from(await calculateKeyPackageRef(own)).toString('hex')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

describe('createKeyPackageEvent', () => {
  const createdAt = NOW
  const create = (settings: Omit<KeyPackageEventSettings, 'keyPackage'>, own = keyPackage.publicPackage) =>
    createKeyPackageEvent({ keyPackage: own, relays, createdAt, ...settings })

  it('has the tags of NIP-EE', async () => {
    expect(await create({ generation: 'nip-ee', client: 'my-app-v1.0' })).toEqual({
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
      content: base64(keyPackage.bytes),
    })
  })

  it('has the tags of MIP-00, in a slot or in none', async () => {
    const capabilities = { ...defaultCapabilities('mip-00'), proposals: [0x000a] }
    const { publicPackage } = await generate({ generation: 'mip-00', capabilities })
    const { bytes } = readKeyPackage(publicPackage)
    const tags = [
      ['mls_protocol_version', '1.0'],
      ['mls_ciphersuite', '0x0001'],
      ['mls_extensions', '0xf2ee', '0x000a'],
      ['mls_proposals', '0x000a'],
      ['i', await refOf(publicPackage)],
      ['relays', ...relays],
      ['encoding', 'base64'],
    ]
    const content = base64(bytes)
    const slot = 'phone'
    expect(await create({ generation: 'mip-00', slot }, publicPackage)).toEqual({
      kind: 30443,
      created_at: NOW,
      tags: [['d', slot], ...tags],
      content,
    })
    expect(await create({ generation: 'mip-00' }, publicPackage)).toEqual({
      kind: 443,
      created_at: NOW,
      tags,
      content,
    })
  })

  it('in a slot has the tags of Marmot in the order of mdk and nothing else, and holds an MLSMessage', async () => {
    const { publicPackage } = await generate({ signer: new PlainKeySigner(alice.secretKey) })
    const slot = createSlotId()
    const event = await create({ slot, client: 'my-app-v1.0' }, publicPackage)
    expect(event).toEqual({
      kind: 30443,
      created_at: NOW,
      tags: [
        ['d', slot],
        ['mls_protocol_version', '1.0'],
        ['i', await refOf(publicPackage)],
        ['mls_ciphersuite', '0x0001'],
        ['mls_extensions', '0x0003', '0x0006'],
        ['mls_proposals', '0x0008', '0x000a'],
        ['app_components', '0x8001', '0x8003', '0x8004', '0x8009'],
      ],
      content: base64(Uint8Array.of(0, 1, 0, 5, ...readKeyPackage(publicPackage).bytes)),
    })
    expect(answer(signEvent(alice.secretKey, event), rules({ profile: 'marmot' }))).toBe('accepted')
  })

  it('as a one-time package of Marmot also has what clients of kind 443 read: a bare KeyPackage and its encoding', async () => {
    const { publicPackage } = await generate({})
    const event = await create({ client: 'my-app-v1.0' }, publicPackage)
    expect(event.kind).toBe(443)
    expect(event.tags.map(([name]) => name)).toEqual([
      'mls_protocol_version',
      'i',
      'mls_ciphersuite',
      'mls_extensions',
      'mls_proposals',
      'app_components',
      'relays',
      'client',
      'encoding',
    ])
    expect(event.content).toBe(base64(readKeyPackage(publicPackage).bytes))
    expect(answer(signEvent(alice.secretKey, event))).toBe('accepted')
  })

  it.each([
    ['the object of ts-mls', keyPackage.publicPackage],
    ['bytes', keyPackage.bytes],
    ['an MLSMessage', keyPackage.message],
  ])('takes a KeyPackage as %s, and the gateway accepts the event', async (_as, given) => {
    const event = await createKeyPackageEvent({ keyPackage: given, generation: 'mip-00', relays, createdAt })
    expect(answer(signEvent(alice.secretKey, event))).toBe('accepted')
    expect(event.tags).toContainEqual(['i', await refOf(keyPackage.publicPackage)])
  })

  it('adds further tags unchanged', async () => {
    const { tags } = await create({ generation: 'nip-ee', tags: [['-']] })
    expect(tags.at(-1)).toEqual(['-'])
  })

  it('rejects bytes that are not a KeyPackage, or that private keys follow', async () => {
    const bundle = Uint8Array.from([...keyPackage.bytes, 1, 2, 3])
    for (const bytes of [bundle, new Uint8Array(), Uint8Array.of(0, 1)]) {
      await expect(createKeyPackageEvent({ keyPackage: bytes })).rejects.toThrow('not an MLS KeyPackage')
    }
  })

  it('rejects a KeyPackage of an older generation, and slots that the generation does not have', async () => {
    await expect(create({})).rejects.toThrow('not a key package of the generation marmot')
    const { publicPackage } = await generate({})
    for (const slot of ['phone', 'A'.repeat(64)]) {
      await expect(create({ slot }, publicPackage)).rejects.toThrow('must be 64 lower-case hex characters')
    }
    await expect(create({ generation: 'mip-00', slot: '' })).rejects.toThrow('a slot must have a name')
    await expect(create({ generation: 'nip-ee', slot: 'phone' })).rejects.toThrow('nip-ee has no slots')
  })
})

describe('createSlotId', () => {
  it('is 64 lower-case hex characters, each time others', () => {
    const ids = [createSlotId(), createSlotId()]
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(ids[0]).not.toBe(ids[1])
  })
})

describe('getKeyPackage', () => {
  const { bytes, message } = keyPackage
  const hex = Buffer.from(bytes).toString('hex')

  it.each(['hex', 'base64', 'absent'] as const)('reads an event with the encoding tag %s', (encoding) => {
    expect(getKeyPackage(readable(keyPackageEvent(alice, keyPackage, { encoding })))).toEqual(
      keyPackage.publicPackage,
    )
  })

  it.each([
    ['hex', hex],
    ['hex in capitals', hex.toUpperCase()],
    ['base64', base64(bytes)],
    ['base64 without padding', base64(bytes).replaceAll('=', '')],
    ['URL-safe base64', base64(bytes).replaceAll('+', '-').replaceAll('/', '_')],
    ['URL-safe base64 without padding', Buffer.from(bytes).toString('base64url')],
    ['hex of an MLSMessage', Buffer.from(message).toString('hex')],
    ['base64 of an MLSMessage', base64(message)],
  ])('reads %s, of every kind and without an encoding tag', (_as, content) => {
    for (const kind of [443, 30443]) {
      const event = readable(keyPackageEvent(alice, keyPackage, { kind, content, encoding: 'absent' }))
      expect(getKeyPackage(event)).toEqual(keyPackage.publicPackage)
      expect(getKeyPackageBytes(event)).toEqual(bytes)
    }
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
