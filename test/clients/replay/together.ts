/** An author whose packages come from all the clients. */

import { describe, expect, it } from '@jest/globals'
import { alice, bob, eventOf, idsOf, type StartTarget } from '../../e2e/behaviour/scene.ts'
import { realClients } from './real-clients.ts'
import { nth, Stage } from './stage.ts'

export function describeTogether(startTarget: StartTarget): void {
  const stage = new Stage(startTarget)

  describe('an author who has used them all', () => {
    it('is found by each of them with a package of its kind', async () => {
      const target = await stage.start()
      for (const client of realClients) await stage.published(target, client, 1)
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
