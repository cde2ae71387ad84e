/** The low-stock signal over a socket: who receives it, when, and how it is withdrawn. */

import { describe, expect, it } from '@jest/globals'
import type { Client } from '../../support/client.ts'
import { alice, eventOf, newEvent, packagesOf, Scene } from '../behaviour/scene.ts'
import type { StartLiving } from './living-target.ts'

const HOUR = 3600
const REQUEST = ['REQ', 'keypackages:low', packagesOf(alice)]
const WITHDRAWAL = ['CLOSED', 'keypackages:low', 'replenished: enough key packages are stored']

export function describeLowStock(startTarget: StartLiving): void {
  describe('low stock', () => {
    const scene = new Scene(startTarget)

    it('is sent to every device of the author after a claim, and withdrawn once there are enough packages', async () => {
      const { target, client } = await scene.stocked(3)
      const devices = [await scene.connect(target, alice), await scene.connect(target, alice)]
      await client.request('claim', packagesOf(alice))
      for (const device of devices) expect((await device.until('REQ')).at(-1)).toEqual(REQUEST)
      await scene.publish(target, alice, 2, 1)
      for (const device of devices) {
        expect(await device.until('CLOSED')).toEqual([WITHDRAWAL])
        expect(await device.rest()).toEqual([])
      }
    })

    it('is sent when the author authenticates while the stock is low, once to each device', async () => {
      const { target } = await scene.stocked(2)
      for (const _ of [1, 2]) {
        const device = await scene.connect(target, alice)
        expect((await device.until('REQ')).at(-1)).toEqual(REQUEST)
      }
    })

    it('is sent to an author without packages who has a relay list', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      await client.publish(eventOf(target, alice, 10051, [['relay', 'wss://relay.example.com']]))
      const author = await scene.connect(target, alice)
      expect((await author.until('REQ')).at(-1)).toEqual(REQUEST)
    })

    it('may be answered as a relay answers a REQ: EVENT publishes; EOSE, CLOSED and CLOSE are ignored', async () => {
      const { target } = await scene.stocked(2)
      const author = await scene.connect(target, alice)
      await author.until('REQ')
      const event = await newEvent(target, alice)
      author.send(['EVENT', 'keypackages:low', event], ['EOSE', 'keypackages:low'])
      author.send(['CLOSED', 'keypackages:low', ''], ['CLOSE', 'keypackages:low'])
      expect(await messagesUntilPublished(author, event.id)).toEqual([['OK', event.id, true, '']])
      expect((await author.count('own', packagesOf(alice))) as object).toEqual({ count: 3 })
      expect(author.history.filter(([verb]) => verb === 'NOTICE')).toEqual([])
    })
  })
}

/** Separate from the others, because a store that does not report removals cannot do it. */
export function describeLowStockByTime(startTarget: StartLiving): void {
  describe('low stock after packages expired', () => {
    const scene = new Scene(startTarget)

    it('is signalled once a sweep has removed the expired packages', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      for (const _ of [1, 2, 3]) {
        const tags = { expiration: [`${target.now() + HOUR}`] }
        expect((await client.publish(await newEvent(target, alice, { tags })))[0]).toBe(true)
      }
      const author = await scene.connect(target, alice)
      target.advance(HOUR)
      expect(await target.sweep()).toBe(3)
      expect((await author.until('REQ')).at(-1)).toEqual(REQUEST)
    })
  })
}

/** All messages up to the OK of an EVENT, except a CLOSED that withdraws the signal. */
async function messagesUntilPublished(client: Client, id: string): Promise<unknown[]> {
  return (await client.until('OK', id)).filter(([verb]) => verb !== 'CLOSED')
}
