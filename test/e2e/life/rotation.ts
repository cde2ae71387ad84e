/** The request to rotate a slot, over a socket: who receives it, when, and how it is withdrawn. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Client } from '../../support/client.ts'
import { alice, newEvent, Scene, type Target } from '../behaviour/scene.ts'
import type { StartLiving } from './living-target.ts'

const WITHDRAWAL = ['CLOSED', 'keypackages:low', 'replenished: enough key packages are stored']
/** The `proxy` settings that a target needs for `claimSlots`. */
export const TRUSTED = { trust: ['127.0.0.1'] }
const SLOTS = { kinds: [30443], authors: [alice.pubkey] }
export const ROTATE = ['REQ', 'keypackages:low', SLOTS]

export function describeRotation(startTarget: StartLiving): void {
  describe('rotation', () => {
    const scene = new Scene(startTarget)

    it('is asked for on every device of the author once 20 addresses have claimed a slot, until it is replaced', async () => {
      const target = await scene.start()
      await publishSlot(scene, target, 60)
      const devices = [await scene.connect(target, alice), await scene.connect(target, alice)]
      await claimSlots(target, 1, 19)
      for (const device of devices) expect(await device.rest()).toEqual([])
      await claimSlots(target, 20, 20)
      for (const device of devices) expect(await device.until('REQ')).toEqual([ROTATE])
      await claimSlots(target, 21, 25)
      const newer = await publishSlot(scene, target, 50)
      for (const device of devices) {
        expect(await device.until('CLOSED')).toEqual([WITHDRAWAL])
        expect(await device.rest()).toEqual([])
      }
      expect((await devices[0]?.request('own', SLOTS))?.events).toEqual([newer])
    })

    it('is asked for on authenticating later, and not after one address has claimed often', async () => {
      const target = await scene.start({ replenish: { rotateAfter: 3 } })
      await publishSlot(scene, target, 60)
      for (let time = 0; time < 5; time++) await claimSlots(target, 1, 2)
      const early = await scene.connect(target, alice)
      expect(await early.rest()).toEqual([])
      await claimSlots(target, 3, 3)
      await early.until('REQ')
      const late = await scene.connect(target, alice)
      expect(await late.until('REQ')).toEqual([ROTATE])
    })
  })
}

/** Publishes a new package in the slot `phone`. */
export async function publishSlot<Kind extends Target>(
  scene: Scene<Kind>,
  target: Kind,
  age: number,
): Promise<SignedEvent> {
  const createdAt = target.now() - age
  const event = await newEvent(target, alice, { kind: 30443, createdAt, tags: { d: ['phone'] } })
  expect(await (await scene.connect(target)).publish(event)).toEqual([true, ''])
  return event
}

/** Claims the slots of alice, once from each of these addresses. */
export async function claimSlots({ url }: Target, first: number, last: number): Promise<void> {
  for (let address = first; address <= last; address++) {
    const client = await Client.connect(url, { headers: { 'x-forwarded-for': `203.0.113.${address}` } })
    expect((await client.request('claim', SLOTS)).events).toHaveLength(1)
    await client.close()
  }
}
