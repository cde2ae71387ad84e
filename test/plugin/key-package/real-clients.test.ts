/** The events of real clients (test/support/generations.ts): each is accepted with the default options, as it is written. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import * as clients from '../../support/generations.ts'
import { alice, answer, rules } from '../../support/key-package-answers.ts'

const owned = rules({}, [alice.pubkey])

const [slot, oneTime] = await clients.whitenoiseTwins(alice)

const events: readonly [client: string, event: SignedEvent][] = [
  ['mdk', await clients.mdkEvent(alice)],
  ['whitenoise, the slot', slot],
  ['whitenoise, its twin', oneTime],
  ['marmot-ts', await clients.marmotTsEvent(alice)],
  ['marmot-ts, protected', await clients.marmotTsEvent(alice, { protection: 'protected' })],
  ['Amethyst', await clients.amethystEvent(alice)],
  ['pika', await clients.pikaEvent(alice)],
  ['pika, protected', await clients.pikaEvent(alice, { protection: 'protected' })],
  ['pika, old', await clients.pikaEvent(alice, { version: 'old' })],
  ['Loxation', await clients.loxationEvent(alice)],
  ['Loxation, hex', await clients.loxationEvent(alice, { encoding: 'hex' })],
  ['Loxation, without a version', await clients.loxationEvent(alice, { versionTag: 'absent' })],
  ['Loxation, protected', await clients.loxationEvent(alice, { protection: 'protected' })],
  ['Paytaca', await clients.paytacaEvent(alice)],
]

describe('with the default options', () => {
  it.each(events)('the event of %s is accepted', (_, event) => {
    expect(answer(event, owned)).toBe('accepted')
  })
})
