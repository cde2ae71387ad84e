/** Kind 30443 over a socket: packages in slots, which claims do not spend. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import {
  alice,
  bob,
  carol,
  eventOf,
  idsOf,
  newEvent,
  packagesOf,
  Scene,
  type Target,
} from '../behaviour/scene.ts'
import type { LivingTarget, StartLiving } from './living-target.ts'

const slots = { kinds: [30443], authors: [alice.pubkey] }
const USED = 'duplicate: already received; it is not taken in again'

export function describeSlots(startTarget: StartLiving): void {
  describe('slots: publishing', () => {
    const scene = new Scene(startTarget)

    it('accepts base64 without an `encoding` tag, checks the `i` tag, and does not require last_resort', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const keyPackage = await makeKeyPackage(alice, { now: target.now(), lastResort: null })
      const tags = { d: ['phone'], encoding: null, mls_extensions: ['0xf2ee'] }
      const event = keyPackageEvent(alice, keyPackage, { kind: 30443, createdAt: target.now(), tags })
      const wrong = keyPackageEvent(alice, keyPackage, {
        kind: 30443,
        createdAt: target.now(),
        tags: { ...tags, i: ['00'.repeat(32)] },
      })
      expect(await client.publish(wrong)).toEqual([false, expect.stringMatching(/^invalid: the i tag/)])
      expect(await client.publish(event)).toEqual([true, ''])
      expect((await client.request('slots', slots)).events).toEqual([event])
    })

    it('keeps the newest in a slot, and the older one is spent (I3)', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const [older, newer] = [await slotEvent(target, 'phone', 50), await slotEvent(target, 'phone', 40)]
      for (const event of [older, newer]) expect(await client.publish(event)).toEqual([true, ''])
      expect(await client.publish(older)).toEqual([true, USED])
      expect((await client.request('slots', slots)).events).toEqual([newer])
    })

    it('keeps at most `stock.max` slots, counted separately from kind 443: the oldest makes room', async () => {
      const target = await scene.start({ stock: { max: 1 } })
      const client = await scene.connect(target)
      const [oldest, older, newer] = [
        await slotEvent(target, 'watch', 60),
        await slotEvent(target, 'phone', 50),
        await slotEvent(target, 'desk', 40),
      ]
      for (const event of [older, await newEvent(target, alice), newer])
        expect(await client.publish(event)).toEqual([true, ''])
      expect((await client.request('slots', slots)).events).toEqual([newer])
      const refused = [false, 'blocked: no room for more key packages']
      for (const event of [older, oldest]) expect(await client.publish(event)).toEqual(refused)
    })

    it('deletes by `e` and `a`, for the author only', async () => {
      const { target, events, client } = await stocked(scene, {}, 'phone', 'desk', 'watch')
      const [phone, desk, watch] = events
      const address = (name: string) => ['a', `30443:${alice.pubkey}:${name}`]
      await client.publish(eventOf(target, bob, 5, [['e', phone?.id ?? ''], address('desk')]))
      expect((await client.request('all', slots)).events).toHaveLength(3)
      await client.publish(eventOf(target, alice, 5, [['e', phone?.id ?? ''], address('desk')]))
      expect((await client.request('left', slots)).events).toEqual([watch])
      for (const gone of [phone, desk])
        expect(await client.publish(gone as SignedEvent)).toEqual([true, USED])
    })
  })

  describe('slots: querying', () => {
    const scene = new Scene(startTarget)

    it('delivers every slot as published to each claim, newest first, and spends none', async () => {
      const { target, events } = await stocked(scene, {}, 'phone', 'desk', 'watch')
      for (const who of [bob, carol]) {
        const client = await scene.connect(target, who)
        const reply = await client.request('slots', { ...slots, limit: 12, '#f': ['hex'] })
        expect(byId(reply.events)).toEqual(byId(events))
      }
    })

    it('matches `#d` and `ids`', async () => {
      const { events, client } = await stocked(scene, {}, 'phone', 'desk')
      const [phone, desk] = events
      expect((await client.request('d', { ...slots, '#d': ['phone'] })).events).toEqual([phone])
      expect((await client.request('ids', { ...slots, ids: [desk?.id] })).events).toEqual([desk])
      expect((await client.request('none', { ...slots, '#d': ['watch'] })).events).toEqual([])
    })

    it('applies the quotas for slots (I5)', async () => {
      const { client } = await stocked(scene, { quota: { slotsPerAddress: { max: 1 } } }, 'phone')
      expect((await client.request('one', slots)).events).toHaveLength(1)
      const another = { ...slots, authors: [bob.pubkey] }
      expect((await client.request('two', another)).closed).toMatch(/^rate-limited: /)
    })

    it('refuses browsing, as for kind 443 (I4)', async () => {
      const { target, events, client } = await stocked(scene, {}, 'phone')
      const listener = await scene.connect(target)
      await listener.request('live', { authors: [alice.pubkey] }, { kinds: [1] })
      const ids = idsOf(events)
      const names = 'restricted: a key package query must name its authors'
      expect((await client.request('all', { kinds: [30443] })).closed).toBe(names)
      expect((await client.request('d', { kinds: [30443], '#d': ['phone'] })).closed).toBe(names)
      expect((await client.request('ids', { ids })).events).toEqual([])
      expect((await client.request('author', { authors: [alice.pubkey] })).events).toEqual([])
      expect(await client.count('count', slots)).toBe('restricted: only the author may count key packages')
      await client.publish(await slotEvent(target, 'desk'))
      expect((await listener.rest()).filter(([verb]) => verb === 'EVENT')).toEqual([])
    })

    it('shows all of them to their owner, who is not asked for more', async () => {
      const { target, events } = await stocked(scene, {}, 'phone', 'desk')
      const owner = await scene.connect(target, alice)
      expect(byId((await owner.request('own', slots)).events)).toEqual(byId(events))
      expect(await owner.count('own', slots)).toEqual({ count: 2 })
      expect(owner.history.filter(([verb]) => verb === 'REQ')).toEqual([])
    })

    it('does not affect one-time packages of the same author: each is handed out once (I1)', async () => {
      const { target, events, client } = await stocked(scene, { claim: { redeliverySeconds: 0 } }, 'phone')
      const [first, last] = await scene.publish(target, alice, 2)
      expect((await client.request('slots', slots)).events).toEqual(events)
      for (const [turn, expected] of [first, last, last].entries()) {
        expect((await client.request(`turn ${turn}`, packagesOf(alice))).events).toEqual([expected])
      }
    })

    it('does not deliver an expired package', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const tags = { d: ['phone'], expiration: [`${target.now() + 60}`] }
      expect((await client.publish(await newEvent(target, alice, { kind: 30443, tags })))[0]).toBe(true)
      target.advance(60)
      expect((await client.request('slots', slots)).events).toEqual([])
    })
  })
}

/** A relay with a package of Alice in each of these slots. */
async function stocked(scene: Scene<LivingTarget>, options: OptionsInput, ...names: readonly string[]) {
  const target = await scene.start(options)
  const client = await scene.connect(target)
  const events = await Promise.all(names.map((name) => slotEvent(target, name)))
  for (const event of events) expect(await client.publish(event)).toEqual([true, ''])
  return { target, client, events }
}

function slotEvent(target: Target, name: string, age = 60): Promise<SignedEvent> {
  return newEvent(target, alice, { kind: 30443, tags: { d: [name] }, createdAt: target.now() - age })
}

function byId(events: readonly SignedEvent[]): SignedEvent[] {
  return events.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
