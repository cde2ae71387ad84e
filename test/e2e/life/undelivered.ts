/** Claims on a lost connection: undone if no answer was sent, delivered again if one was. */

import { describe, expect, it } from '@jest/globals'
import type { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { alice, bob, carol, eventOf, idsOf, packagesOf, Scene } from '../behaviour/scene.ts'
import type { LivingTarget, StartLiving } from './living-target.ts'

const REDELIVERING = { claim: { redeliverySeconds: 60 } } as const

export function describeUndelivered(startTarget: StartLiving): void {
  describe('release', () => {
    const scene = new Scene(startTarget)

    it('a CLOSE before the answer: nothing is sent, and the package is in the stock again, and fresh', async () => {
      const { target, events, client } = await scene.stocked(1)
      client.together(() => client.send(['REQ', 'claim', packagesOf(alice)], ['CLOSE', 'claim']))
      expect(await client.rest()).toEqual([['AUTH', expect.any(String)]])
      const owner = await scene.connect(target, alice)
      const own = await owner.request('own', packagesOf(alice))
      expect([own.events, own.notices]).toEqual([events, []])
    })

    it('a connection lost before the answer: the next requester gets the package, and the quota stays used (I5)', async () => {
      const { target, events } = await scene.stocked(2, { quota: { perAuthor: { max: 1 } } })
      const lost = await scene.connect(target, bob)
      await loseClaim(lost, target)
      const again = await scene.connect(target, bob)
      expect((await again.request('claim', packagesOf(alice))).closed).toMatch(/^rate-limited: /)
      const other = await scene.connect(target, carol)
      expect(idsOf((await other.request('claim', packagesOf(alice))).events)).toEqual([events[0]?.id])
    })

    it('a package that was released is spent after all when its requester names it in a Welcome (444)', async () => {
      const { target, events } = await scene.stocked(2)
      await loseClaim(await scene.connect(target, bob), target)
      const again = await scene.connect(target, bob)
      const welcome = eventOf(target, bob, 444, [['e', events[0]?.id ?? '']])
      expect((await again.publish(welcome))[0]).toBe(false)
      const other = await scene.connect(target, carol)
      expect(idsOf((await other.request('claim', packagesOf(alice))).events)).toEqual([events[1]?.id])
    })
  })

  describe('redelivery', () => {
    const scene = new Scene(startTarget)

    it('a requester who lost the connection after the answer gets the same package again; nobody else does (I1)', async () => {
      const { target, events } = await scene.stocked(4, REDELIVERING)
      const claimAs = async (who: typeof bob) => {
        const client = await scene.connect(target, who)
        const claimed = idsOf((await client.request('claim', packagesOf(alice))).events)
        await client.cut()
        return claimed
      }
      const [first, second, third] = idsOf(events)
      expect(await claimAs(bob)).toEqual([first])
      expect(await claimAs(carol)).toEqual([second])
      expect(await claimAs(bob)).toEqual([first])
      target.advance(60)
      expect(await claimAs(bob)).toEqual([third])
    })

    it('a redelivery that was not sent undoes nothing (I1)', async () => {
      const { target, events } = await scene.stocked(3, REDELIVERING)
      const client = await scene.connect(target, bob)
      expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([events[0]?.id])
      client.together(() => client.send(['REQ', 'again', packagesOf(alice)], ['CLOSE', 'again']))
      await client.rest()
      const owner = await scene.connect(target, alice)
      expect(await owner.count('own', packagesOf(alice))).toEqual({ count: 2 })
    })
  })
}

/** Claims, and closes the connection at once. Resolves when the claim is undone. */
async function loseClaim(client: Client, { audited }: LivingTarget): Promise<void> {
  client.together(() => {
    client.send(['REQ', 'claim', packagesOf(alice)])
    void client.close()
  })
  await eventually('the claim is undone', () => audited.some(({ action }) => action === 'release'))
}
