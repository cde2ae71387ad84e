/** nostr-tools' SimplePool: verifies, authenticates by itself, and subscribes to notes. */

import { afterEach, beforeEach, describe, expect } from '@jest/globals'
import { SimplePool, useWebSocketImplementation } from 'nostr-tools/pool'
import { WebSocket } from 'ws'
import type { Rows } from '../../e2e/behaviour/rows.ts'
import { alice, bob, idsOf, packagesOf, Scene, type StartTarget } from '../../e2e/behaviour/scene.ts'
import { eventually } from '../../support/eventually.ts'
import type { Library } from './library.ts'
import { authenticate } from './nostr-tools.ts'
import { noteOf, signerOf } from './people.ts'

useWebSocketImplementation(WebSocket)

export const simplePool: Library = {
  name: "nostr-tools' SimplePool",
  connect: async (url, person) => {
    const pool = new SimplePool()
    pool.automaticallyAuth = () => signerOf(person)
    return {
      publish: (event) => Promise.all(pool.publish([url], event, { onauth: signerOf(person) })),
      fetch: (filter) =>
        new Promise((resolve) => {
          const events: { id: string }[] = []
          pool.subscribeEose([url], filter, {
            onauth: signerOf(person),
            onevent: (event) => events.push(event),
            onclose: () => resolve(events),
          })
        }),
      authenticated: async () => authenticate(await pool.ensureRelay(url), person),
      close: () => pool.destroy(),
    }
  },
}

export function describeSimplePool(startTarget: StartTarget, it: Rows): void {
  describe("nostr-tools' SimplePool", () => {
    const scene = new Scene(startTarget)
    let pool: SimplePool
    beforeEach(() => {
      pool = new SimplePool()
    })
    afterEach(() => pool.destroy())

    it('gets one package from a relay that is named twice', async () => {
      const { target, events } = await scene.stocked(2)
      const claimed = await pool.querySync([target.url, `${target.url}/`], packagesOf(alice))
      expect(claimed.map(({ id }) => id)).toEqual([events[0]?.id])
    })

    it('authenticates automatically, and then queries its own packages without a limit', async () => {
      const { target, events } = await scene.stocked(1)
      pool.automaticallyAuth = () => signerOf(alice)
      // Others may query the last package ten times; it stays.
      for (let turn = 0; turn < 12; turn++) {
        const own = await pool.querySync([target.url], packagesOf(alice))
        expect(own.map(({ id }) => id)).toEqual(idsOf(events))
      }
    })

    it('publishes notes, receives them live, and claims key packages on the same connection', async () => {
      const { target, events } = await scene.stocked(2)
      const received: string[] = []
      await new Promise<void>((resolve) => {
        const onevent = ({ content }: { content: string }) => received.push(content)
        pool.subscribeMany([target.url], { kinds: [1] }, { onevent, oneose: resolve })
      })
      await Promise.all(pool.publish([target.url], noteOf(bob, 'hello')))
      await eventually('the note is received', () => received.includes('hello'))
      const claimed = await pool.querySync([target.url], packagesOf(alice))
      expect(claimed.map(({ id }) => id)).toEqual([events[0]?.id])
      expect(await pool.querySync([target.url], { authors: [alice.pubkey] })).toEqual([])
    })
  })
}
