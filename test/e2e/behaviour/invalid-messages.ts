/** I9 over the wire: every message of a client gets a clear, prefixed answer, and the connection stays open. */

import { describe, expect } from '@jest/globals'
import { isSubscriptionId } from '../../../plugin/request/subscriptions.ts'
import type { Rows } from './rows.ts'
import { alice, newEvent, packagesOf, Scene, type StartTarget } from './scene.ts'

const NESTED = '['.repeat(100_000)

const unreadable: readonly (readonly [what: string, frame: string | Uint8Array])[] = [
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['half a message', '["REQ","sub",{"kinds":[443]'],
  ['a JSON object', '{"REQ":1}'],
  ['a JSON text', '"REQ"'],
  ['an empty array', '[]'],
  ['no verb', '[1,2,3]'],
  ['a null for a verb', '[null,"sub"]'],
  ['very deep JSON', NESTED],
  ['a binary frame', new TextEncoder().encode('["REQ","sub",{"kinds":[443]}]')],
  ['random bytes', Uint8Array.from({ length: 999 }, (_, index) => (index * 31) % 256)],
]

/** Invalid messages about key packages, and how their answers begin. */
const senseless: readonly (readonly [message: unknown[], ...answer: unknown[]])[] = [
  [['EVENT'], 'NOTICE', 'invalid: '],
  [['EVENT', null], 'NOTICE', 'invalid: '],
  [['EVENT', { kind: 443 }], 'NOTICE', 'invalid: '],
  [['EVENT', { kind: 443, id: 'x' }], 'OK', 'x', false, 'invalid: '],
  [['AUTH'], 'NOTICE', 'invalid: '],
  [['AUTH', { id: 'x' }], 'OK', 'x', false, 'invalid: '],
  [['REQ', 7, { kinds: [443], authors: [alice.pubkey] }], 'NOTICE', 'invalid: '],
  [['REQ', '', { kinds: [443], authors: [alice.pubkey] }], 'CLOSED', '', 'invalid: '],
  [['REQ', 'x'.repeat(65), { kinds: [443], authors: [alice.pubkey] }], 'CLOSED', 'x'.repeat(65), 'invalid: '],
  [['REQ', { toString: 1 }, { kinds: [443], authors: [alice.pubkey] }], 'NOTICE', 'invalid: '],
  [['REQ', 's', { kinds: '443', authors: [alice.pubkey] }], 'CLOSED', 's', 'invalid: '],
  [['REQ', 's', { kinds: [[443]], authors: [alice.pubkey] }], 'CLOSED', 's', 'invalid: '],
  [['REQ', 's', { kinds: ['443'] }], 'CLOSED', 's', 'invalid: '],
  [['REQ', 's', { kinds: [443], authors: alice.pubkey }], 'CLOSED', 's', 'invalid: '],
  [['REQ', 's', { kinds: [443], authors: [alice.pubkey.toUpperCase()] }], 'CLOSED', 's', 'invalid: '],
  [['REQ', 's', { kinds: [443], authors: [alice.pubkey], limit: -1 }], 'CLOSED', 's', 'invalid: '],
  [['REQ', 's', { kinds: [443], authors: [alice.pubkey], since: 'now' }], 'CLOSED', 's', 'invalid: '],
  [['REQ', 's', { kinds: [443], authors: [alice.pubkey], '#i': [1] }], 'CLOSED', 's', 'invalid: '],
  [['COUNT', 's', { kinds: [443], authors: [1] }], 'CLOSED', 's', 'invalid: '],
  [['NEG-OPEN', 's', { kinds: ['443'] }, ''], 'NEG-ERR', 's', 'invalid: '],
]

export function describeInvalidMessages(startTarget: StartTarget, it: Rows): void {
  describe('a message that cannot be parsed (I9)', () => {
    const scene = new Scene(startTarget)

    it.each(unreadable)('%s gets a NOTICE, and the connection stays open', async (_what, frame) => {
      const { client } = await scene.stocked(1)
      await client.challenge()
      await client.rest()
      client.sendRaw(frame)
      expect(await client.rest()).toEqual([['NOTICE', expect.stringMatching(/^invalid: /)]])
      expect((await client.request('claim', packagesOf(alice))).events).toHaveLength(1)
    })
  })

  describe('an invalid message (I9)', () => {
    const scene = new Scene(startTarget)

    it('gets OK, CLOSED or NEG-ERR if it has an id, otherwise a NOTICE, and claims nothing', async () => {
      const { client } = await scene.stocked(1, { quota: { perAuthor: { max: 1 } } })
      await client.challenge()
      await client.rest()
      for (const [message, ...answer] of senseless) {
        client.send(message)
        const received = await client.rest()
        const begins = answer.map((part) =>
          typeof part === 'string' && part.endsWith(': ') ? expect.stringMatching(`^${part}`) : part,
        )
        const [verb, id] = message
        const before = verb === 'REQ' && isSubscriptionId(id) ? [['EOSE', id]] : []
        expect([message, received]).toEqual([message, [...before, begins]])
      }
      expect((await client.request('claim', packagesOf(alice))).events).toHaveLength(1)
    })

    it('unknown fields of an EVENT or a filter are ignored', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const event = await newEvent(target, alice)
      const decorated = { ...event, constructor: 'x', extra: { deep: [1, 2, 3] } }
      expect(await client.publish(decorated)).toEqual([true, ''])
      const filter = { ...packagesOf(alice), '#f': ['base64'], search: 'x', '#long': 3, nothing: null }
      expect((await client.request('claim', filter)).events).toEqual([event])
    })
  })
}
