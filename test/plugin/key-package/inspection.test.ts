/** What a person is shown who looks into an event: its fields, the outcome of every check, and who accepts it. */

import { describe, expect, it } from '@jest/globals'
import { verifyEvent as verify } from 'nostr-tools/pure'
import { keyPackageRef } from '../../../plugin/key-package/decode.ts'
import { INSPECTED_TIMES, inspect } from '../../../plugin/key-package/inspection.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { alice, bob, keyPackage } from '../../support/key-package-answers.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'

const verifyEvent = (event: SignedEvent) => verify(JSON.parse(JSON.stringify(event)))
const look = (event: unknown) => inspect(event, verifyEvent, NOW)

describe('the fields', () => {
  it('are those of the event and of its KeyPackage', () => {
    const event = keyPackageEvent(alice, keyPackage, {
      createdAt: NOW - 5,
      tags: { relays: ['wss://a.example'] },
    })
    expect(look(event).fields).toEqual({
      id: event.id,
      kind: 443,
      author: alice.pubkey,
      created_at: NOW - 5,
      encoding: 'base64',
      relays: ['wss://a.example'],
      bytes: keyPackage.bytes.length,
      ref: keyPackageRef(keyPackage.bytes, 1),
      ciphersuite: '0x0001',
      identity: alice.pubkey,
      not_before: NOW - 3600,
      not_after: NOW + 90 * 86_400,
      extensions: ['0x000a'],
      last_resort: true,
    })
  })

  it('of a slot name it, and those that are absent are left out', () => {
    const event = keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['phone'], relays: null } })
    const { fields } = look(event)
    expect(fields).toMatchObject({ kind: 30443, slot: 'phone' })
    expect(fields).not.toHaveProperty('relays')
    expect(look(keyPackageEvent(alice, keyPackage)).fields).not.toHaveProperty('slot')
  })

  it('that are times can be told from the others', () => {
    const names = Object.keys(look(keyPackageEvent(alice, keyPackage)).fields)
    expect(names.filter((name) => INSPECTED_TIMES.includes(name))).toEqual([
      'created_at',
      'not_before',
      'not_after',
    ])
  })

  it('name the encoding that holds where no tag says it', () => {
    expect(look(keyPackageEvent(alice, keyPackage, { encoding: 'absent' })).fields.encoding).toBe('hex')
  })

  it('of a KeyPackage that cannot be read are those of the event alone', () => {
    const event = keyPackageEvent(alice, keyPackage, { content: '!', tags: { relays: null } })
    expect(look(event).fields).toEqual({
      id: event.id,
      kind: 443,
      author: alice.pubkey,
      created_at: NOW,
      encoding: 'base64',
    })
  })

  it('say that a KeyPackage is no last resort, whatever the tags say', async () => {
    const made = await makeKeyPackage(alice, { lastResort: null })
    expect(look(keyPackageEvent(alice, made)).fields).toMatchObject({ extensions: [], last_resort: false })
  })
})

describe('the checks', () => {
  it('pass or are skipped without a message, and say why they refuse', () => {
    const { checks } = look(keyPackageEvent(alice, keyPackage, { tags: { p: [bob.pubkey] } }))
    expect(checks).toHaveLength(17)
    expect(checks).toContainEqual({ check: 'event', outcome: 'passed' })
    expect(checks).toContainEqual({ check: 'Marmot specification', outcome: 'skipped' })
    expect(checks).toContainEqual({
      check: 'time and author',
      outcome: 'refused',
      message: 'invalid: the p tag does not name the author',
    })
  })

  it('are those of receivers, who know no settings: any age, size and ciphersuite, protected or not', async () => {
    const large = { extensionType: 0xff00, extensionData: new Uint8Array(100_000) }
    const made = await makeKeyPackage(alice, { ciphersuite: 7, lastResort: null, extensions: [large] })
    const event = keyPackageEvent(alice, made, { createdAt: 1, tags: { '-': [], mls_extensions: null } })
    const outcomes = look(event).checks.map(({ check, outcome }) => `${check}: ${outcome}`)
    expect(outcomes).toContain('MLS signatures: passed')
    expect(outcomes.filter((said) => said.endsWith(': refused'))).toEqual([])
  })

  it('go on where components cannot be read: they count as absent', async () => {
    const cut = { extensionType: 0x0006, extensionData: Uint8Array.of(3, 0, 4) }
    const made = await makeKeyPackage(alice, { lastResort: null, extensions: [cut] })
    const { fields, checks } = look(keyPackageEvent(alice, made, { kind: 30443, tags: { d: ['phone'] } }))
    expect(fields.last_resort).toBe(false)
    expect(checks).toContainEqual({
      check: 'receivers',
      outcome: 'refused',
      message:
        "invalid: the KeyPackage's app_data_dictionary is malformed (the data ends inside its components)",
    })
  })
})

describe('the receivers', () => {
  it('are named by generation, with what they have against it', () => {
    const { receivers } = look(keyPackageEvent(alice, keyPackage, { encoding: 'hex' }))
    expect(receivers.map(({ generation, accepted }) => [generation, accepted])).toEqual([
      ['nip-ee', true],
      ['mip-00', false],
      ['marmot', false],
    ])
  })
})

describe('what is no event', () => {
  it('has no fields and no receivers, and its one check says what is wrong', () => {
    expect(look({ kind: 443 })).toEqual({
      fields: {},
      checks: [{ check: 'event', outcome: 'refused', message: expect.stringMatching(/^invalid: ./) }],
      receivers: [],
    })
  })
})
