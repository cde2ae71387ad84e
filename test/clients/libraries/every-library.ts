/** What every library sees of the gateway with its default settings, except where a test names another. */

import { afterEach, describe, expect } from '@jest/globals'
import type { Rows } from '../../e2e/behaviour/rows.ts'
import {
  alice,
  bob,
  idsOf,
  newEvent,
  Scene,
  type StartTarget,
  type Target,
} from '../../e2e/behaviour/scene.ts'
import { applesauce } from './applesauce.ts'
import type { Connection, Library } from './library.ts'
import { ndk } from './ndk.ts'
import { nostrFetch } from './nostr-fetch.ts'
import { nostrTools } from './nostr-tools.ts'
import { nostrify } from './nostrify.ts'
import { forClients } from './people.ts'
import { rustNostr } from './rust-nostr.ts'
import { rxNostr } from './rx-nostr.ts'
import { simplePool } from './simple-pool.ts'

const reading: readonly Library[] = [nostrFetch]
const publishing: readonly Library[] = [nostrTools, simplePool, ndk, applesauce, nostrify, rxNostr, rustNostr]

const generations = {
  'base64 of kind 443': { encoding: 'base64' },
  'hex of kind 443': { encoding: 'hex' },
  'kind 30443': { kind: 30443, tags: { d: ['phone'] } },
} as const

const oneTime = { kinds: [443], authors: [alice.pubkey] }

export function describeEveryLibrary(startTarget: StartTarget, it: Rows): void {
  const scene = new Scene(startTarget)
  const connections: Connection[] = []
  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()))
  })

  const connect = async ({ connect }: Library, { url }: Target, person = bob) => {
    const connection = await connect(url, person)
    connections.push(connection)
    return connection
  }

  describe.each([...publishing, ...reading])('$name', (library) => {
    it.each(Object.entries(generations))(
      'shows its user the package published as %s',
      async (_, settings) => {
        const target = await scene.start()
        const event = await newEvent(target, alice, settings)
        expect(await (await scene.connect(target)).publish(event)).toEqual([true, ''])
        const client = await connect(library, target)
        const shown = await client.fetch({ kinds: [event.kind], authors: [alice.pubkey] })
        expect(shown.map(({ id }) => id)).toEqual([event.id])
      },
    )

    it('goes on when it is rate-limited: its request ends, without events', async () => {
      const { target } = await scene.stocked(2, { quota: { perAuthor: { max: 1 } } })
      const client = await connect(library, target)
      // A new name has a quota of its own.
      await client.authenticated?.()
      expect(await client.fetch(oneTime)).toHaveLength(1)
      // NDK puts what it asks for in its first moments into one REQ, so the second may hold more than this.
      expect(await client.fetch(oneTime).catch(() => [])).toEqual([])
      expect(await client.fetch(oneTime).catch(() => [])).toEqual([])
    })
  })

  describe.each(publishing)('$name', (library) => {
    it('publishes, and learns why a package is refused', async () => {
      const target = await scene.start()
      const client = await connect(library, target, alice)
      const event = await newEvent(target, alice)
      await client.publish?.(forClients(event))
      expect(idsOf((await (await scene.connect(target)).request('claim', oneTime)).events)).toEqual([
        event.id,
      ])
      const refused = client.publish?.(forClients(await newEvent(target, alice, { content: '' })))
      await expect(refused).rejects.toThrow(/invalid: /)
    })

    it('authenticates where the relay asks it to, and is served', async () => {
      const { target, events } = await scene.stocked(1, { requester: 'auth' })
      const client = await connect(library, target)
      await client.authenticated?.()
      expect((await client.fetch(oneTime)).map(({ id }) => id)).toEqual(idsOf(events))
    })

    it('asks for its own packages right after it has connected, four times over, and uses none up (I10)', async () => {
      const { target, events } = await scene.stocked(3)
      for (let start = 0; start < 4; start++) {
        const client = await connect(library, target, alice)
        await client.fetch(oneTime)
        await client.authenticated?.()
        await client.close()
      }
      const owner = await scene.connect(target, alice)
      expect(idsOf((await owner.request('own', oneTime)).events)).toEqual(idsOf(events).toReversed())
    })
  })
}
