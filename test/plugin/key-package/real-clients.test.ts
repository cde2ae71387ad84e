/** The events of real clients (test/support/generations.ts): each is accepted as it is written, and goes to its own kind. */

import { describe, expect, it } from '@jest/globals'
import { verifyEvent as verify } from 'nostr-tools/pure'
import { explainForReceivers, receptions } from '../../../plugin/key-package/generations.ts'
import { checkKeyPackage } from '../../../plugin/key-package/validate.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import * as clients from '../../support/generations.ts'
import { alice, answer, keyPackage, rules } from '../../support/key-package-answers.ts'
import {
  type KeyPackageEventSettings,
  keyPackageEvent,
  makeKeyPackage,
  NOW,
} from '../../support/key-packages.ts'

const verifyEvent = (event: SignedEvent) => verify(JSON.parse(JSON.stringify(event)))
const owned = rules({}, [alice.pubkey])

const [slot, oneTime] = await clients.whitenoiseTwins(alice)

const events: readonly [client: string, receivers: string, event: SignedEvent][] = [
  ['mdk', 'marmot', await clients.mdkEvent(alice)],
  ['whitenoise, the slot', 'mip-00', slot],
  ['whitenoise, its twin', 'nip-ee mip-00', oneTime],
  ['marmot-ts', 'mip-00', await clients.marmotTsEvent(alice)],
  ['marmot-ts, protected', 'mip-00', await clients.marmotTsEvent(alice, { protection: 'protected' })],
  ['Amethyst', 'mip-00', await clients.amethystEvent(alice)],
  ['pika', 'nip-ee mip-00', await clients.pikaEvent(alice)],
  ['pika, protected', 'nip-ee mip-00', await clients.pikaEvent(alice, { protection: 'protected' })],
  ['pika, old', 'nip-ee', await clients.pikaEvent(alice, { version: 'old' })],
  ['Loxation', 'nip-ee', await clients.loxationEvent(alice)],
  ['Loxation, hex', 'nip-ee', await clients.loxationEvent(alice, { encoding: 'hex' })],
  ['Loxation, without a version', 'nip-ee', await clients.loxationEvent(alice, { versionTag: 'absent' })],
  ['Loxation, protected', 'nip-ee', await clients.loxationEvent(alice, { protection: 'protected' })],
  ['Paytaca', 'nip-ee', await clients.paytacaEvent(alice)],
]

describe('with the default options', () => {
  it.each(events)('the event of %s is accepted', (_client, _receivers, event) => {
    expect(answer(event, owned)).toBe('accepted')
  })
})

describe('whitenoise', () => {
  it('publishes one KeyPackage in a stable slot, and as a one-time package', async () => {
    const twins = await clients.whitenoiseTwins(alice, { keyPackage: await clients.mipKeyPackage(alice) })
    const [first, second] = twins.map((event) => checkKeyPackage(event, owned, NOW))
    expect(first).toMatchObject({ kind: 30443, slot: clients.stableSlot(alice), lastResort: true })
    expect(second).toMatchObject({ kind: 443, ref: first?.ref })
  })
})

describe('the receivers', () => {
  const written = (form: 'base64' | 'base64url') => Buffer.from(keyPackage.bytes).toString(form)
  const explained = (event: SignedEvent) => receptions(explainForReceivers(event, verifyEvent, NOW))

  it.each(events)('of what %s publishes are those of %s', (_, receivers, event) => {
    const accepting = explained(event).filter(({ accepted }) => accepted)
    expect(accepting.map(({ generation }) => generation).join(' ')).toBe(receivers)
  })

  it('are told apart with every reason', async () => {
    expect(explained(await clients.mdkEvent(alice))).toEqual([
      {
        generation: 'nip-ee',
        accepted: false,
        reasons: ['its clients ask for kind 443 alone'],
      },
      {
        generation: 'mip-00',
        accepted: false,
        reasons: [
          'the tag ["encoding","base64"] is required',
          'content must be the bare KeyPackage, not an MLSMessage',
          'the mls_extensions tag must have 0xf2ee and 0x000a',
          'a relays tag is required',
        ],
      },
      { generation: 'marmot', accepted: true, reasons: [] },
    ])
    const [, , marmot] = explained(await clients.pikaEvent(alice, { version: 'old' }))
    expect(marmot?.reasons).toEqual(['its clients ask for kind 30443 alone'])
    const [, mip, slots] = explained(await clients.marmotTsEvent(alice))
    expect(mip?.reasons).toEqual([])
    expect(slots?.reasons).toEqual([
      'content must be an MLSMessage that holds the KeyPackage, not the bare KeyPackage',
      'there must be no encoding tag',
      'exactly one mls_proposals tag is required',
      'exactly one app_components tag is required',
      'the d tag must be 64 lower-case hex digits',
      'the leaf must list the components it supports (component 0x0001)',
      "the leaf must hold the account's proof (component 0x8009, 104 bytes)",
      'last resort must be component 0x0004, not extension 0x000a',
      'the KeyPackage must be a last resort (component 0x0004 in its app_data_dictionary)',
      'the lifetime of the KeyPackage must be at most 84 days and one hour',
    ])
  })

  it.each<[string, KeyPackageEventSettings, string]>([
    [
      'no encoding tag',
      { kind: 30443, encoding: 'absent', content: written('base64'), tags: { d: ['phone'] } },
      'the tag ["encoding","base64"] is required',
    ],
    [
      'URL-safe base64',
      { content: written('base64url') },
      'content must be base64 in the standard alphabet, with padding',
    ],
    [
      'an MLSMessage',
      { bytes: keyPackage.message },
      'content must be the bare KeyPackage, not an MLSMessage',
    ],
    [
      'no version',
      { tags: { mls_protocol_version: null } },
      'the tag ["mls_protocol_version","1.0"] is required',
    ],
    [
      'the ciphersuite in the older tag',
      { tags: { mls_ciphersuite: null, ciphersuite: ['0x0001'] } },
      'an mls_ciphersuite tag is required',
    ],
    [
      'one of the two extensions',
      { tags: { mls_extensions: ['0x000a'] } },
      'the mls_extensions tag must have 0xf2ee and 0x000a',
    ],
    [
      'no extensions',
      { tags: { mls_extensions: null } },
      'the mls_extensions tag must have 0xf2ee and 0x000a',
    ],
    ['no relays', { tags: { relays: null } }, 'a relays tag is required'],
  ])('of MIP-00 refuse %s', (_, settings, why) => {
    const [, mip] = explained(keyPackageEvent(alice, keyPackage, settings))
    expect(mip).toEqual({ generation: 'mip-00', accepted: false, reasons: [why] })
  })

  it('are none where every receiver must refuse it', async () => {
    const made = await makeKeyPackage(alice, { capabilities: { credentials: [] } })
    for (const { accepted, reasons } of explained(keyPackageEvent(alice, made))) {
      expect(accepted).toBe(false)
      expect(reasons).toContain('credential type 0x0001 is not in the capabilities of the leaf')
    }
  })
})
