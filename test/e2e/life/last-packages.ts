/** An author's last package, over a socket: delivered repeatedly, shown to its owner as exposed, retired. */

import { describe, expect, it } from '@jest/globals'
import { alice, bob, EACH_ANEW, eventOf, idsOf, packagesOf, Scene } from '../behaviour/scene.ts'
import type { StartLiving } from './living-target.ts'

const HOUR = 3600

export function describeLastPackages(startTarget: StartLiving): void {
  describe('last packages', () => {
    const scene = new Scene(startTarget)

    it('an owner sees which is exposed, to how many requests and since when; nobody else does (I4)', async () => {
      const { target, events, client } = await scene.stocked(2)
      const [, last] = events
      await client.request('the first', packagesOf(alice))
      const since = target.now()
      for (const turn of ['one', 'two']) {
        target.advance(60)
        expect((await client.request(turn, packagesOf(alice))).notices).toEqual([])
      }
      const owner = await scene.connect(target, alice)
      await owner.until('REQ')
      const own = await owner.request('own', packagesOf(alice))
      expect(own.events).toEqual([last])
      expect(own.notices).toEqual([
        `exposed: handed out as the shared key package: ${last?.id} to 2 requests since ${since + 60}`,
      ])
    })

    it('an exposed package is retired by a sweep, 600 s after its exposure, once there are two fresh ones', async () => {
      const { target, events, client } = await scene.stocked(1)
      await client.request('exposing', packagesOf(alice))
      target.advance(1)
      const [fresh] = await scene.publish(target, alice, 1, 1)
      target.advance(599)
      expect(await target.sweep()).toBe(0)
      await scene.publish(target, alice, 1, 1)
      expect(await target.sweep()).toBe(1)
      const owner = await scene.connect(target, alice)
      const own = await owner.request('own', packagesOf(alice))
      expect(idsOf(own.events)).toContain(fresh?.id)
      expect(idsOf(own.events)).not.toContain(events[0]?.id)
      expect(own.notices).toEqual([])
    })

    it('fresh packages are handed out first, and the exposed one again when none is left', async () => {
      const { target, events, client } = await scene.stocked(1, EACH_ANEW)
      const [exposed] = events
      await client.request('exposing', packagesOf(alice))
      const [fresh] = await scene.publish(target, alice, 1, 1)
      const claimed: unknown[] = []
      for (const turn of ['one', 'two', 'three']) {
        claimed.push(...idsOf((await client.request(turn, packagesOf(alice))).events))
      }
      expect(claimed).toEqual([fresh?.id, exposed?.id, exposed?.id])
    })

    it('a query for an author without packages is told how many other relays the relay list names', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const relays = ['wss://one.example', 'wss://two.example'].map((url) => ['relay', url])
      await client.publish(eventOf(target, alice, 10051, relays))
      const { events, notices } = await client.request('claim', packagesOf(alice, bob))
      expect(events).toEqual([])
      expect(notices).toEqual([
        `missing: no matching key packages here, but relay lists (kinds 10051, 10002) that name other relays: ${alice.pubkey} (2)`,
      ])
      const lists = await client.request('list', { kinds: [10051], authors: [alice.pubkey] })
      expect(lists.events.map(({ tags }) => tags)).toEqual([relays])
    })

    it('an expired package is not kept as the last one', async () => {
      const { target, client } = await scene.stocked(1, { stock: { ttlSeconds: HOUR } })
      await client.request('exposing', packagesOf(alice))
      target.advance(HOUR)
      expect((await client.request('later', packagesOf(alice))).events).toEqual([])
    })
  })
}
