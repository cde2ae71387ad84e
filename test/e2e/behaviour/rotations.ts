/** How clients ask for slots (kind 30443): per author, again and again, and with rotations that arrive by themselves. */

import { describe, expect } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { Client } from '../../support/client.ts'
import type { Person } from '../../support/people.ts'
import type { Rows } from './rows.ts'
import { alice, bob, carol, newEvent, Scene, type StartTarget, type Target } from './scene.ts'

export function describeRotations(startTarget: StartTarget, it: Rows): void {
  describe('a REQ for slots', () => {
    const scene = new Scene(startTarget)

    it('`limit` is per author, newest first', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const [, ...newest] = [
        await fill(client, target, alice, 'phone', 50),
        await fill(client, target, alice, 'desk', 40),
        await fill(client, target, alice, 'watch', 30),
      ]
      const reply = await client.request('slots', { ...slotsOf(alice, bob), limit: 2 })
      expect(reply.events).toEqual(newest.toReversed())
    })

    it('the same slots again use no quota, also when it is used up (I5)', async () => {
      const target = await scene.start({ quota: { slotsPerRequester: { max: 1 } } })
      const client = await scene.connect(target)
      const slot = await fill(client, target, alice, 'phone', 50)
      for (const turn of [1, 2, 3]) {
        expect((await client.request(`turn ${turn}`, slotsOf(alice))).events).toEqual([slot])
      }
      await fill(client, target, bob, 'phone', 50)
      expect((await client.request('other', slotsOf(bob))).closed).toMatch(
        /^rate-limited: 1 queries per 3600 s/,
      )
      expect((await client.request('again', slotsOf(alice))).events).toEqual([slot])
    })

    it('a readback by author, kind and `#d` is not counted', async () => {
      const target = await scene.start({ quota: { slotsPerRequester: { max: 1 } } })
      const client = await scene.connect(target)
      for (const turn of [1, 2, 3]) {
        const reply = await client.request(`turn ${turn}`, { ...slotsOf(alice), '#d': ['phone'] })
        expect(reply).toEqual({ events: [], notices: [], closed: undefined })
      }
      expect((await client.request('slots', slotsOf(alice))).closed).toBeUndefined()
    })

    it('a rotation is pushed to who has asked for its author, and to nobody else', async () => {
      const target = await scene.start()
      const publisher = await scene.connect(target)
      await fill(publisher, target, alice, 'phone', 50)
      const [client, other] = [await scene.connect(target), await scene.connect(target, carol)]
      const contacts = { kinds: [0, 10002, 10050, 30443], authors: [alice.pubkey, bob.pubkey] }
      expect((await client.request('contacts', contacts)).events).toHaveLength(1)
      await other.request('other', slotsOf(carol), { ...slotsOf(alice), limit: 0 })
      const rotated = await fill(publisher, target, alice, 'phone', 40)
      const first = await fill(publisher, target, bob, 'phone', 40)
      for (const event of [rotated, first]) {
        expect((await client.until('EVENT', 'contacts')).at(-1)).toEqual(['EVENT', 'contacts', event])
      }
      client.send(['CLOSE', 'contacts'])
      await client.rest()
      await fill(publisher, target, alice, 'phone', 30)
      for (const listener of [client, other]) expect(eventsIn(await listener.rest())).toEqual([])
    })
  })
}

function slotsOf(...authors: readonly Person[]) {
  return { kinds: [30443], authors: authors.map(({ pubkey }) => pubkey) }
}

/** Publishes a package in a slot, created that many seconds ago. */
async function fill(
  client: Client,
  target: Target,
  author: Person,
  slot: string,
  age: number,
): Promise<SignedEvent> {
  const createdAt = target.now() - age
  const event = await newEvent(target, author, { kind: 30443, createdAt, tags: { d: [slot] } })
  expect(await client.publish(event)).toEqual([true, ''])
  return event
}

function eventsIn(messages: readonly (readonly unknown[])[]) {
  return messages.filter(([verb]) => verb === 'EVENT')
}
