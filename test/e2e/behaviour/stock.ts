/** What happens after the checks: the publish quota (row 18), the store (row 19), and the other kinds. */

import { describe, expect } from '@jest/globals'
import { restoreSignedEvent } from '../../../plugin/index.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../../support/key-packages.ts'
import type { Rows } from './rows.ts'
import {
  alice,
  bob,
  carol,
  EACH_ANEW,
  eventOf,
  idsOf,
  newEvent,
  packagesOf,
  Scene,
  type StartTarget,
} from './scene.ts'

const DUPLICATE = 'duplicate: already received; it is not taken in again'
const USED = 'duplicate: already received; it is not taken in again'

export function describeStock(startTarget: StartTarget, it: Rows): void {
  describe('row 18: publish quota of the author', () => {
    const scene = new Scene(startTarget)

    it('refuses one too many; an event already known is not counted, nor is another author (I5)', async () => {
      const target = await scene.start({ quota: { publish: { max: 2 } } })
      const client = await scene.connect(target, alice)
      const events = [await newEvent(target, alice), await newEvent(target, alice)]
      for (const event of events) expect(await client.publish(event)).toEqual([true, ''])
      for (const event of events)
        expect(await client.publish(event)).toEqual([true, 'duplicate: already have this key package'])
      expect(await client.publish(await newEvent(target, alice))).toEqual([
        false,
        expect.stringMatching(/^rate-limited: /),
      ])
      expect(await client.publish(await newEvent(target, bob))).toEqual([true, ''])
    })
  })

  describe('row 19: the store', () => {
    const scene = new Scene(startTarget)

    it('duplicate: the same event', async () => {
      const { events, client } = await scene.stocked(1)
      for (const event of events) expect(await client.publish(event)).toEqual([true, DUPLICATE])
    })

    it('duplicate: the same KeyPackage in another event, or in an MLSMessage', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const keyPackage = await makeKeyPackage(alice, { now: target.now() })
      const createdAt = target.now() - 60
      expect(await client.publish(keyPackageEvent(alice, keyPackage, { createdAt }))).toEqual([true, ''])
      for (const again of [
        keyPackageEvent(alice, keyPackage, { createdAt: createdAt + 1 }),
        keyPackageEvent(alice, keyPackage, { createdAt, encoding: 'hex' }),
        keyPackageEvent(alice, keyPackage, { createdAt, bytes: keyPackage.message }),
      ]) {
        expect(await client.publish(again)).toEqual([true, DUPLICATE])
      }
    })

    it('spent: a package that was handed out never comes back, in any form (I3)', async () => {
      const target = await scene.start(EACH_ANEW)
      const keyPackage = await makeKeyPackage(alice, { now: target.now() })
      const client = await scene.connect(target)
      const { storeUrl } = target
      const event = keyPackageEvent(alice, keyPackage, {
        createdAt: target.now() - 90,
        place: { index: 0, of: 2, storeUrl },
      })
      const kept = await newEvent(target, alice, { place: { index: 1, of: 2, storeUrl } })
      for (const one of [event, kept]) await client.publish(one)
      expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([event.id])
      const recoded = keyPackageEvent(alice, keyPackage, { createdAt: target.now(), encoding: 'hex' })
      for (const again of [event, recoded]) expect(await client.publish(again)).toEqual([true, USED])
      for (const turn of [1, 2]) {
        expect(idsOf((await client.request(`claim ${turn}`, packagesOf(alice))).events)).toEqual([kept.id])
      }
    })

    it('spent: a re-encoded package, and the restored one, count as the same package (I3, I8)', async () => {
      const { client } = await scene.stocked(2, { delivery: { encoding: 'hex' } })
      const [delivered] = (await client.request('claim', packagesOf(alice))).events
      if (delivered === undefined) throw new Error('nothing was delivered')
      expect(await client.publish(delivered)).toEqual([
        false,
        expect.stringMatching(/^invalid: the id is not .* re-encoded/),
      ])
      expect(await client.publish(restoreSignedEvent(delivered))).toEqual([true, USED])
    })

    it('stale (30443): a newer key package is in this slot', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const inSlot = (age: number) =>
        newEvent(target, alice, { kind: 30443, tags: { d: ['phone'] }, createdAt: target.now() - age })
      const older = await inSlot(50)
      const newer = await inSlot(40)
      expect(await client.publish(older)).toEqual([true, ''])
      expect(await client.publish(newer)).toEqual([true, ''])
      expect(await client.publish(older)).toEqual([true, USED])
      expect(await client.publish(await inSlot(60))).toEqual([
        true,
        'duplicate: already received; it is not taken in again',
      ])
      const slots = { kinds: [30443], authors: [alice.pubkey] }
      for (const turn of [1, 2, 3]) {
        expect((await client.request(`slot ${turn}`, slots)).events).toEqual([newer])
      }
    })

    it('full: 10 of 10 key packages stored', async () => {
      const { target, client } = await scene.stocked(10)
      const eleventh = await newEvent(target, alice)
      expect(await client.publish(eleventh)).toEqual([false, 'blocked: no room for more key packages'])
      await client.request('claim', packagesOf(alice))
      expect(await client.publish(eleventh)).toEqual([true, ''])
    })

    it('evict-oldest: replaces the oldest package, which never comes back (I3)', async () => {
      const options = { stock: { max: 2, overflow: 'evict-oldest' } } as const
      const { target, events, client } = await scene.stocked(2, options)
      const third = await newEvent(target, alice)
      expect(await client.publish(third)).toEqual([true, ''])
      const [oldest, second] = events
      if (oldest === undefined) throw new Error('there is no oldest')
      expect(await client.publish(oldest)).toEqual([true, USED])
      const owner = await scene.connect(target, alice)
      expect(idsOf((await owner.request('own', packagesOf(alice))).events)).toEqual([third.id, second?.id])
    })
  })

  describe('other kinds', () => {
    const scene = new Scene(startTarget)

    it("5 deletes the author's own packages named by `e`, which become spent (I3)", async () => {
      const { target, events, client } = await scene.stocked(2)
      const [gone, kept] = events
      if (gone === undefined) throw new Error('there are no packages')
      const deletion = eventOf(target, alice, 5, [
        ['e', gone.id],
        ['k', '443'],
      ])
      expect((await client.publish(deletion))[0]).toBe(true)
      expect(await client.publish(gone)).toEqual([true, USED])
      expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([kept?.id])
    })

    it("5 does not delete another author's packages", async () => {
      const { target, events, client } = await scene.stocked(1)
      const tags = events.map(({ id }) => ['e', id])
      await client.publish(eventOf(target, bob, 5, tags))
      const forged = { ...eventOf(target, bob, 5, tags), pubkey: alice.pubkey }
      expect(await client.publish(forged)).toEqual([false, expect.stringMatching(/^invalid: /)])
      expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual(idsOf(events))
    })

    it("5 deletes the author's slot named by `a`", async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const event = await newEvent(target, alice, { kind: 30443, tags: { d: ['phone'] } })
      await client.publish(event)
      const address = ['a', `30443:${alice.pubkey}:phone`]
      expect((await client.publish(eventOf(target, alice, 5, [address])))[0]).toBe(true)
      const slots = { kinds: [30443], authors: [alice.pubkey] }
      expect((await client.request('slot', slots)).events).toEqual([])
      expect(await client.publish(event)).toEqual([true, USED])
    })

    it.each(['ALL_RELAYS', 'this relay'])('62 (vanish, for %s) deletes all', async (which) => {
      const { target, events, client } = await scene.stocked(3)
      const relay = which === 'ALL_RELAYS' ? which : target.url
      await client.publish(eventOf(target, alice, 62, [['relay', relay]]))
      expect((await client.request('claim', packagesOf(alice))).events).toEqual([])
      for (const event of events) expect(await client.publish(event)).toEqual([true, USED])
    })

    it('62 for another relay deletes nothing', async () => {
      const { target, client } = await scene.stocked(1)
      await client.publish(eventOf(target, alice, 62, [['relay', 'wss://elsewhere.example.com']]))
      expect((await client.request('claim', packagesOf(alice))).events).toHaveLength(1)
    })

    it('10051 needs at least one ws(s) `relay` tag', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      for (const tags of [[], [['relay', 'https://relay.example.com']], [['r', 'wss://relay.example.com']]]) {
        expect(await client.publish(eventOf(target, alice, 10051, tags))).toEqual([
          false,
          expect.stringMatching(/^invalid: /),
        ])
      }
    })

    it('10051 is stored and returned, the newest of each author', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const lists = [2, 0, 1].map((age) =>
        signEvent(alice.secretKey, {
          kind: 10051,
          created_at: target.now() - age,
          tags: [['relay', `wss://relay-${age}.example.com`]],
          content: '',
        }),
      )
      for (const list of lists) await client.publish(list)
      const { events } = await client.request('list', { kinds: [10051], authors: [alice.pubkey] })
      expect(events).toEqual([lists[1]])
    })

    it('444 is refused', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      expect(await client.publish(eventOf(target, carol, 444, []))).toEqual([
        false,
        'invalid: a welcome must be gift-wrapped, never published',
      ])
    })

    it('447 is refused', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      expect(await client.publish(eventOf(target, carol, 447, []))).toEqual([
        false,
        'blocked: kind 447 is not published; REQ key packages instead',
      ])
    })
  })
}
