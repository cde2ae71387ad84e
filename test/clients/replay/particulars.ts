/** What only one client does. */

import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { alice, bob, carol, eventOf, idsOf } from '../../e2e/behaviour/scene.ts'
import { loxationEvent, marmotTsEvent, pikaEvent, stableSlot } from '../../support/generations.ts'
import { NOW } from '../../support/key-packages.ts'
import { marmotTs, mdk, nostrSdkIos, pika, realClients, whitenoise } from './real-clients.ts'
import { type Home, nth, Stage } from './stage.ts'

const MORE_THAN_THE_QUOTA = 12
const contacts = Array.from({ length: 199 }, (_, index) =>
  createHash('sha256').update(`contact ${index}`).digest('hex'),
)

export function describeParticulars(home: Home): void {
  const stage = new Stage(home)

  describe('mdk', () => {
    const subscription = { kinds: [0, 10002, 10050, 30443], authors: [alice.pubkey, ...contacts] }

    it('subscribes to its 200 contacts at its start, gets their slots, and then each rotation as it happens', async () => {
      const target = await stage.start()
      const [first] = await stage.published(target, mdk, 1)
      const connection = await stage.connect(target, bob)
      const { events, closed } = await connection.request('contacts', subscription)
      expect({ events, closed }).toEqual({ events: [first], closed: undefined })
      const rotations = [
        (await stage.published(target, mdk, 2))[0],
        (await stage.published(target, mdk, 3))[0],
      ]
      const pushed = [await connection.next(), await connection.next()]
      expect(pushed).toEqual(rotations.map((event) => ['EVENT', 'contacts', event]))
    })

    it('starts twelve times within the hour, and gets the slots of its contacts each time', async () => {
      const target = await stage.start()
      const [slot] = await stage.published(target, mdk, 1)
      for (let start = 0; start < MORE_THAN_THE_QUOTA; start++) {
        const connection = await stage.connect(target, bob)
        const { events, closed } = await connection.request('contacts', subscription)
        expect({ events, closed }).toEqual({ events: [slot], closed: undefined })
        await connection.close()
      }
    })

    it('reads its own slot back before AUTH has ended, day after day, and always finds it', async () => {
      const target = await stage.start()
      const [slot] = await stage.published(target, mdk, 1)
      const readback = { ...mdk.looksAfter(alice), '#d': [stableSlot(alice)] }
      const connection = await stage.connect(target)
      for (let day = 0; day < MORE_THAN_THE_QUOTA; day++) {
        expect((await stage.request(connection, readback)).events).toEqual([slot])
      }
      // No window knows of it.
      for (let turn = 0; turn < 10; turn++) {
        expect((await stage.request(connection, mdk.asks(alice))).events).toEqual([slot])
      }
    })

    it('asks for the 32 members of a new group in one filter, and gets the slot of each who has one', async () => {
      const target = await stage.start()
      const connection = await stage.connect(target)
      const [hers] = await stage.published(target, mdk, 1)
      const [his] = await mdk.publishes(carol, { createdAt: NOW - 60 })
      if (his === undefined) throw new Error('there is one')
      expect(await connection.publish(his)).toEqual([true, ''])
      const authors = [alice.pubkey, carol.pubkey, ...contacts.slice(0, 30)]
      const { events } = await stage.request(connection, { kinds: [30443], authors, limit: 12 * 32 })
      expect(new Set(events)).toEqual(new Set([hers, his]))
    })
  })

  describe('whitenoise-rs', () => {
    it('publishes twins, and each is served to who asks for its kind, to the owner both', async () => {
      const target = await stage.start()
      const [slot, twin] = await stage.published(target, whitenoise, 1)
      for (const requester of [bob, carol, bob]) {
        expect((await stage.ask(target, mdk.asks(alice), requester)).events).toEqual([slot])
        expect((await stage.ask(target, pika.asks(alice), requester)).events).toEqual([twin])
      }
      expect(new Set(await stage.own(target))).toEqual(new Set([slot?.id, twin?.id]))
    })

    it('rotates: both twins of the old package are gone', async () => {
      const target = await stage.start()
      await stage.published(target, whitenoise, 1)
      const [, twin] = await stage.published(target, whitenoise, 2)
      expect((await stage.ask(target, pika.asks(alice))).events).toEqual([twin])
      expect(await stage.own(target)).toHaveLength(2)
    })
  })

  describe('marmot-ts', () => {
    it('subscribes to the public feed of packages: EOSE, and then why it gets none (I4)', async () => {
      const target = await stage.start()
      await stage.published(target, marmotTs, 1)
      expect(await stage.everything(await stage.connect(target), { kinds: [30443], limit: 50 })).toEqual([
        ['EOSE', expect.anything()],
        ['CLOSED', expect.anything(), 'restricted: a key package query must name its authors'],
      ])
    })

    it('looks at its own slot without authenticating, and it stays for everybody', async () => {
      const target = await stage.start()
      const [slot] = await stage.published(target, marmotTs, 1)
      for (const requester of [undefined, undefined, bob]) {
        expect((await stage.ask(target, marmotTs.looksAfter(alice), requester)).events).toEqual([slot])
      }
    })

    it('keeps its subscription open, and receives what rotates', async () => {
      const target = await stage.start()
      const connection = await stage.connect(target)
      await stage.published(target, marmotTs, 1)
      await connection.request('live', marmotTs.asks(alice))
      const [fresh] = await stage.published(target, marmotTs, 2)
      expect((await connection.until('EVENT', 'live')).at(-1)).toEqual(['EVENT', 'live', fresh])
    })

    it('publishes a protected package: it is asked to authenticate, does, and is accepted', async () => {
      const target = await stage.start()
      const connection = await stage.connect(target)
      const event = await marmotTsEvent(alice, { createdAt: NOW - 60, protection: 'protected' })
      expect(await connection.publish(event)).toEqual([false, expect.stringMatching(/^auth-required: /)])
      await connection.authenticate(alice, target.now())
      expect(await connection.publish(event)).toEqual([true, ''])
      expect((await stage.ask(target, marmotTs.asks(alice), bob)).events).toEqual([event])
    })
  })

  describe('pika', () => {
    it('published by an old version, with `1` for version and ciphersuite, a package is taken and served', async () => {
      const target = await stage.start()
      const event = await pikaEvent(alice, { createdAt: NOW - 60, version: 'old' })
      expect(await (await stage.connect(target)).publish(event)).toEqual([true, ''])
      expect((await stage.ask(target, pika.asks(alice), bob)).events).toEqual([event])
    })

    it('is refused with `-`, and accepted when it leaves that out', async () => {
      const target = await stage.start()
      const connection = await stage.connect(target)
      const settings = { createdAt: NOW - 60 }
      const protectedEvent = await pikaEvent(alice, { ...settings, protection: 'protected' })
      expect(await connection.publish(protectedEvent)).toEqual([
        false,
        expect.stringMatching(/^auth-required: /),
      ])
      expect(await connection.publish(await pikaEvent(alice, settings))).toEqual([true, ''])
    })

    it('asks for ten packages, and gets the one that it needs', async () => {
      const target = await stage.start()
      for (const n of [1, 2, 3]) await stage.published(target, pika, n)
      expect((await stage.ask(target, { ...pika.asks(alice), limit: 10 }, bob)).events).toHaveLength(1)
      expect(await stage.own(target)).toHaveLength(2)
    })
  })

  describe('nostr-sdk-ios (Loxation)', () => {
    it.each([
      ['in hex, without a tag for it', { encoding: 'hex' }],
      ['without a version tag', { versionTag: 'absent' }],
    ] as const)('publishes %s, and the package is served as it was signed', async (_, settings) => {
      const target = await stage.start()
      const event = await loxationEvent(alice, { createdAt: NOW - 60, ...settings })
      expect(await (await stage.connect(target)).publish(event)).toEqual([true, ''])
      expect((await stage.ask(target, nostrSdkIos.asks(alice), bob)).events).toEqual([event])
    })

    it('publishes with `["-", ""]`: it is asked to authenticate, does, and is accepted', async () => {
      const target = await stage.start()
      const connection = await stage.connect(target)
      const event = await loxationEvent(alice, { createdAt: NOW - 60, protection: 'protected' })
      expect(await connection.publish(event)).toEqual([false, expect.stringMatching(/^auth-required: /)])
      await connection.authenticate(alice, target.now())
      expect(await connection.publish(event)).toEqual([true, ''])
    })

    it('asks for an encoding by `#f`, and gets the same package in it', async () => {
      const target = await stage.start()
      const [event] = await stage.published(target, nostrSdkIos, 1)
      const hinted = { ...nostrSdkIos.asks(alice), '#f': ['hex'] }
      const { events } = await stage.request(await stage.connect(target), hinted)
      expect(events).toEqual([
        {
          ...event,
          content: Buffer.from(event?.content ?? '', 'base64').toString('hex'),
          tags: event?.tags.map((tag) => (tag[0] === 'encoding' ? ['encoding', 'hex'] : tag)),
        },
      ])
    })
  })

  describe('an author who has used them all', () => {
    it('is found by each of them with a package of its kind', async () => {
      const target = await stage.start()
      for (const client of realClients) {
        if (client !== whitenoise) await stage.published(target, client, 1)
      }
      for (const client of realClients) {
        const { events } = await stage.ask(target, client.asks(alice), bob)
        expect(events.length).toBeGreaterThan(0)
        for (const { kind } of events) expect(client.asks(alice).kinds).toContain(kind)
      }
    })

    it('asks to vanish, and none of it is left or comes back', async () => {
      const target = await stage.start()
      for (const client of realClients) await stage.published(target, client, 1)
      const connection = await stage.connect(target)
      await connection.publish(eventOf(target, alice, 62, [['relay', 'ALL_RELAYS']]))
      expect(await stage.own(target)).toEqual([])
      for (const client of realClients) {
        for (const event of await nth(client, 1)) await connection.publish(event)
        const [other] = await nth(client, 2)
        if (other !== undefined) {
          expect(await connection.publish(other)).toEqual([false, 'blocked: deleted by its author'])
        }
        expect(idsOf((await stage.ask(target, client.asks(alice), bob)).events)).toEqual([])
      }
    })
  })
}
