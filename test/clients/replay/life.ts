/** The life of a package as every client has it: published, asked for, rotated, deleted, refused, and looked after. */

import { describe, expect, it } from '@jest/globals'
import { alice, bob, carol, idsOf } from '../../e2e/behaviour/scene.ts'
import { NOW } from '../../support/key-packages.ts'
import { oneTimeClients, realClients, slotClients } from './real-clients.ts'
import { deletionOf, type Home, nth, Stage } from './stage.ts'

const DAY = 86_400
const MORE_THAN_THE_QUOTA = 12

export function describeLife(home: Home): void {
  const stage = new Stage(home)

  describe.each(realClients)('$name', (client) => {
    it('publishes a package, and finds every event of it as it was signed', async () => {
      const target = await stage.start()
      const events = await stage.published(target, client, 1)
      const owner = await stage.ask(target, client.looksAfter(alice), alice)
      expect(new Set(owner.events)).toEqual(new Set(events))
    })

    it('asks for a package, and gets it as it was signed, before EOSE', async () => {
      const target = await stage.start()
      const [event] = await stage.published(target, client, 1)
      const { events, notices, closed } = await stage.ask(target, client.asks(alice))
      expect(events[0]).toEqual(event)
      expect({ notices, closed }).toEqual({ notices: [], closed: undefined })
    })

    it('asks again a moment later, and gets the same', async () => {
      const target = await stage.start()
      for (const n of [1, 2]) await stage.published(target, client, n)
      const connection = await stage.connect(target)
      const { events } = await stage.request(connection, client.asks(alice))
      expect((await stage.request(connection, client.asks(alice))).events).toEqual(events)
      expect((await stage.ask(target, client.asks(alice))).events).toEqual(events)
    })

    it('asks for somebody who has none: nothing comes, and then EOSE', async () => {
      const target = await stage.start()
      await stage.published(target, client, 1)
      expect(await stage.ask(target, client.asks(carol))).toEqual({
        events: [],
        notices: [],
        closed: undefined,
      })
    })

    it('deletes its package: nobody gets it, and it does not come back when it is sent again', async () => {
      const target = await stage.start()
      const events = await stage.published(target, client, 1)
      const connection = await stage.connect(target)
      expect(await connection.publish(deletionOf(client.deletes(events)))).toEqual([true, expect.anything()])
      for (const event of events) await connection.publish(event)
      expect((await stage.ask(target, client.asks(alice))).events).toEqual([])
      expect(await stage.own(target)).toEqual([])
    })

    it('deletes a package that arrives after its deletion: it is refused as deleted', async () => {
      const target = await stage.start()
      const events = await nth(client, 1)
      const connection = await stage.connect(target)
      await connection.publish(deletionOf(client.deletes(events)))
      for (const event of events) {
        expect(await connection.publish(event)).toEqual([false, 'blocked: deleted by its author'])
      }
      expect(await stage.own(target)).toEqual([])
    })

    it('publishes a package whose lifetime is over, and is told so', async () => {
      const target = await stage.start()
      const connection = await stage.connect(target)
      for (const event of await client.publishes(alice, { createdAt: NOW - 100 * DAY })) {
        expect(await connection.publish(event)).toEqual([false, expect.stringMatching(/^invalid: /)])
      }
    })

    it('as the author, sees all its packages as often as it likes, and none is used up', async () => {
      const target = await stage.start()
      const events = await stage.published(target, client, 1)
      const owner = await stage.connect(target, alice)
      for (let turn = 0; turn < MORE_THAN_THE_QUOTA; turn++) {
        const own = await stage.request(owner, client.looksAfter(alice))
        expect({ ...own, events: new Set(own.events) }).toEqual({
          events: new Set(events),
          notices: [],
          closed: undefined,
        })
      }
    })
  })

  describe.each(realClients.filter(({ answersAuth }) => answersAuth))('$name', (client) => {
    it('asks for its own packages before it has authenticated, at four starts, and uses none up (I10)', async () => {
      const target = await stage.start()
      const published = [
        ...(await stage.published(target, client, 1)),
        ...(await stage.published(target, client, 2)),
      ]
      const before = await stage.own(target)
      for (let start = 0; start < 4; start++) {
        const connection = await stage.connect(target)
        await stage.request(connection, client.looksAfter(alice))
        await connection.authenticate(alice, target.now())
        const { events } = await stage.request(connection, client.looksAfter(alice))
        expect(published).toEqual(expect.arrayContaining([...events]))
        expect(new Set(idsOf(events))).toEqual(new Set(before))
      }
      expect(await stage.own(target)).toEqual(before)
    })
  })

  describe.each(slotClients)('$name', (client) => {
    it('asks for the same slot again and again, by which no quota is used up', async () => {
      const target = await stage.start()
      const [slot] = await stage.published(target, client, 1)
      const connection = await stage.connect(target, bob)
      for (let turn = 0; turn < MORE_THAN_THE_QUOTA; turn++) {
        const { events, closed } = await stage.request(connection, client.asks(alice))
        expect({ first: events[0], closed }).toEqual({ first: slot, closed: undefined })
      }
    })

    it('rotates: from then on everybody gets the new package alone, and the old one stays away', async () => {
      const target = await stage.start()
      const old = await stage.published(target, client, 1)
      await stage.ask(target, client.asks(alice), bob)
      const fresh = await stage.published(target, client, 2)
      const connection = await stage.connect(target)
      for (const event of old) {
        expect(await connection.publish(event)).toEqual([true, expect.stringMatching(/^duplicate: /)])
      }
      for (const requester of [bob, carol]) {
        const { events } = await stage.ask(target, client.asks(alice), requester)
        expect(events[0]).toEqual(fresh[0])
        expect(fresh).toEqual(expect.arrayContaining([...events]))
      }
      expect(new Set(await stage.own(target))).toEqual(new Set(idsOf(fresh)))
    })

    it('publishes its package again with a newer time: the newer event takes the place of the older', async () => {
      const target = await stage.start()
      const keyPackage = await client.makes(alice, NOW - 600)
      const connection = await stage.connect(target)
      for (const createdAt of [NOW - 600, NOW - 60]) {
        for (const event of await client.publishes(alice, { createdAt, keyPackage })) {
          const [accepted] = await connection.publish(event)
          expect(accepted).toBe(true)
        }
      }
      const { events } = await stage.ask(target, client.asks(alice))
      expect(events[0]?.created_at).toBe(NOW - 60)
      expect(events.filter(({ kind }) => kind === 30443)).toHaveLength(1)
    })

    it('asks for an author with several devices, and gets the slot of each', async () => {
      const target = await stage.start()
      const connection = await stage.connect(target)
      const slots = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
      for (const [index, slot] of slots.entries()) {
        for (const event of await client.publishes(alice, { createdAt: NOW - 600 + index, slot })) {
          expect(await connection.publish(event)).toEqual([true, ''])
        }
      }
      const { events } = await stage.ask(target, client.asks(alice))
      const newestFirst = events
        .filter(({ kind }) => kind === 30443)
        .map(({ tags }) => tags.find(([name]) => name === 'd')?.[1])
      expect(newestFirst).toEqual(slots.toReversed())
    })
  })

  describe.each(oneTimeClients)('$name', (client) => {
    it('asks for a package that nobody else gets (I1)', async () => {
      const target = await stage.start()
      for (const n of [1, 2, 3]) await stage.published(target, client, n)
      const claimed = [
        ...(await stage.ask(target, client.asks(alice), bob)).events,
        ...(await stage.ask(target, client.asks(alice), carol)).events,
      ]
      expect(new Set(idsOf(claimed)).size).toBe(2)
      expect(await stage.own(target)).toHaveLength(1)
    })

    it('publishes a new package when its last one was handed out, and the next requester gets that', async () => {
      const target = await stage.start()
      await stage.published(target, client, 1)
      await stage.ask(target, client.asks(alice), bob)
      const [fresh] = await stage.published(target, client, 2)
      expect((await stage.ask(target, client.asks(alice), carol)).events).toEqual([fresh])
    })

    it('asks too often: EOSE, and then the reason why it is closed', async () => {
      const target = await stage.start()
      await stage.published(target, client, 1)
      const connection = await stage.connect(target, bob)
      for (let turn = 0; turn < 10; turn++) {
        expect((await stage.request(connection, client.asks(alice))).events).toHaveLength(1)
      }
      expect(await stage.everything(connection, client.asks(alice))).toEqual([
        ['EOSE', expect.anything()],
        ['CLOSED', expect.anything(), expect.stringMatching(/^rate-limited: .*; try again in \d+ s$/)],
      ])
    })
  })
}
