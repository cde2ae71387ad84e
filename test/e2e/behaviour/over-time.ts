/** What needs time to pass (expiry, quota windows, redelivery, retiring, low stock), or a store that fails. */

import { describe, expect } from '@jest/globals'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import type { Rows } from './rows.ts'
import {
  alice,
  bob,
  type ControlledTarget,
  carol,
  eventOf,
  idsOf,
  newEvent,
  packagesOf,
  Scene,
  type StartTarget,
} from './scene.ts'

const HOUR = 3600
const DAY = 86_400
const UNAVAILABLE = 'error: key packages are unavailable, try again'

export function describeOverTime(startTarget: StartTarget<ControlledTarget>, it: Rows): void {
  describe('expiry is min(not_after, expiration, created_at + ttl)', () => {
    const scene = new Scene(startTarget)

    it.each([
      ['not_after', HOUR, 2 * HOUR, 3 * HOUR],
      ['expiration', 3 * HOUR, HOUR, 2 * HOUR],
      ['created_at + ttl', 3 * HOUR, 2 * HOUR, HOUR],
    ])('%s', async (_which, notAfter, expiration, ttlSeconds) => {
      const target = await scene.start({ stock: { ttlSeconds } })
      const client = await scene.connect(target)
      const now = target.now()
      const lifetime = { notBefore: now - DAY, notAfter: now + notAfter }
      const event = keyPackageEvent(alice, await makeKeyPackage(alice, { lifetime }), {
        createdAt: now,
        tags: { expiration: [`${now + expiration}`] },
      })
      await client.publish(event)
      target.advance(HOUR - 1)
      expect(idsOf((await client.request('before', packagesOf(alice))).events)).toEqual([event.id])
      target.advance(1)
      expect(await client.request('after', packagesOf(alice))).toEqual({
        events: [],
        notices: [],
        closed: undefined,
      })
      expect(await client.publish(event)).toEqual([false, expect.stringMatching(/^invalid: /)])
    })

    it('a package is refused at the second of its expiration, and accepted one second earlier', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const at = (offset: number) =>
        newEvent(target, alice, { tags: { expiration: [`${target.now() + offset}`] } })
      expect((await client.publish(await at(0)))[0]).toBe(false)
      expect((await client.publish(await at(1)))[0]).toBe(true)
    })
  })

  describe('quotas slide', () => {
    const scene = new Scene(startTarget)

    it('a query leaves the window after an hour, and the answer says how long that is (I5)', async () => {
      const { target, client } = await scene.stocked(1, { quota: { perAuthor: { max: 2 } } })
      await client.request('one', packagesOf(alice))
      target.advance(600)
      await client.request('two', packagesOf(alice))
      expect((await client.request('three', packagesOf(alice))).closed).toMatch(/try again in 3000 s$/)
      target.advance(2999)
      expect((await client.request('three', packagesOf(alice))).closed).toMatch(/try again in 1 s$/)
      target.advance(1)
      expect((await client.request('three', packagesOf(alice))).events).toHaveLength(1)
      expect((await client.request('four', packagesOf(alice))).closed).toMatch(/try again in 600 s$/)
    })
  })

  describe('redelivery (`redeliverySeconds`)', () => {
    const scene = new Scene(startTarget)

    it('gives the same requester the same packages again, and nobody else (I1)', async () => {
      const { target, events, client } = await scene.stocked(3, { claim: { redeliverySeconds: 60 } })
      const other = await scene.connect(target, bob)
      const claim = async (by: typeof client) => idsOf((await by.request('claim', packagesOf(alice))).events)
      const [first, second, third] = idsOf(events)
      expect(await claim(client)).toEqual([first])
      expect(await claim(client)).toEqual([first])
      expect(await claim(other)).toEqual([second])
      target.advance(60)
      expect(await claim(client)).toEqual([third])
    })
  })

  describe('retiring', () => {
    const scene = new Scene(startTarget)

    it('an exposed package is spent after `retireAfter`, once there are two fresh ones', async () => {
      const { target, events, client } = await scene.stocked(1)
      const [exposed] = events
      await client.request('exposing', packagesOf(alice))
      target.advance(1)
      const fresh = await scene.publish(target, alice, 2, 1)
      target.advance(599)
      const owner = await scene.connect(target, alice)
      await client.request('retiring', { ...packagesOf(alice), limit: 0 })
      expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([fresh[0]?.id])
      expect(idsOf((await owner.request('own', packagesOf(alice))).events)).toEqual([fresh[1]?.id])
      if (exposed !== undefined) {
        expect(await client.publish(exposed)).toEqual([
          true,
          'duplicate: already received; it is not taken in again',
        ])
      }
    })
  })

  describe('replenishment', () => {
    const scene = new Scene(startTarget)

    it('asks at most once per 300 s per author', async () => {
      const { target, client } = await scene.stocked(3)
      const author = await scene.connect(target, alice)
      const claim = (id: string) => client.request(id, packagesOf(alice))
      await claim('one')
      expect(await author.until('REQ')).toHaveLength(1)
      target.advance(299)
      await claim('two')
      expect(await author.rest()).toEqual([])
      target.advance(1)
      await claim('three')
      expect(await author.until('REQ')).toHaveLength(1)
    })
  })

  describe('store down (I7)', () => {
    const scene = new Scene(startTarget)

    it('publishing: OK false, and a later retry succeeds', async () => {
      const { target, client } = await scene.stocked(1)
      const event = await newEvent(target, alice)
      await target.failStore()
      expect(await client.publish(event)).toEqual([false, UNAVAILABLE])
    })

    it('queries: CLOSED for everybody, the owner included, and COUNT too', async () => {
      const { target, client } = await scene.stocked(1)
      await client.authenticate(bob, target.now())
      await target.failStore()
      expect((await client.request('claim', packagesOf(alice))).closed).toBe(UNAVAILABLE)
      expect((await client.request('claims', packagesOf(alice, bob, carol))).closed).toBe(UNAVAILABLE)
      expect((await client.request('own', packagesOf(bob))).closed).toBe(UNAVAILABLE)
      expect(await client.count('own', packagesOf(bob))).toBe(UNAVAILABLE)
    })

    it('a deletion of key packages and a request to vanish are refused, so that clients retry them', async () => {
      const { target, events, client } = await scene.stocked(1)
      await target.failStore()
      const deletion = eventOf(target, alice, 5, [...events.map(({ id }) => ['e', id]), ['k', '443']])
      expect(await client.publish(deletion)).toEqual([false, UNAVAILABLE])
      const vanishing = eventOf(target, alice, 62, [['relay', 'ALL_RELAYS']])
      expect(await client.publish(vanishing)).toEqual([false, UNAVAILABLE])
    })

    it('every other kind still works', async () => {
      const { target, client } = await scene.stocked(1)
      const other = eventOf(target, alice, 1, [])
      const [before] = await client.publish(other)
      await target.failStore()
      expect((await client.publish(other))[0]).toBe(before)
      expect((await client.request('notes', { kinds: [1], authors: [alice.pubkey] })).closed).toBeUndefined()
    })
  })
}
