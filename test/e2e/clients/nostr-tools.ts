/** nostr-tools' Relay: publishes, queries, drops events without a valid signature, authenticates and counts. */

import { afterEach, describe, expect } from '@jest/globals'
import type { Filter } from 'nostr-tools/filter'
import type { Event } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay'
import { WebSocket } from 'ws'
import { restoreSignedEvent } from '../../../plugin/index.ts'
import { eventually } from '../../support/eventually.ts'
import type { Rows } from '../behaviour/rows.ts'
import { alice, newEvent, packagesOf, Scene, type StartTarget } from '../behaviour/scene.ts'
import { forClients, signerOf } from './people.ts'

useWebSocketImplementation(WebSocket)

export function describeNostrTools(startTarget: StartTarget, it: Rows): void {
  describe("nostr-tools' Relay", () => {
    const scene = new Scene(startTarget)
    const relays: Relay[] = []
    afterEach(() => {
      for (const relay of relays.splice(0)) relay.close()
    })

    const connect = async (url: string) => {
      const relay = await Relay.connect(url)
      relays.push(relay)
      return relay
    }

    it('publishes, and receives the reason of a refusal', async () => {
      const target = await scene.start()
      const relay = await connect(target.url)
      const event = forClients(await newEvent(target, alice))
      expect(await relay.publish(event)).toBe('')
      expect(await relay.publish(event)).toBe('duplicate: already received; it is not taken in again')
      const wrong = forClients(await newEvent(target, alice, { content: '' }))
      await expect(relay.publish(wrong)).rejects.toThrow(/^invalid: /)
    })

    it('drops a re-encoded package for its signature, until the event is restored (I8)', async () => {
      const { target, events } = await scene.stocked(2, { delivery: { encoding: 'hex' } })
      const { shown, dropped } = await subscribe(await connect(target.url), packagesOf(alice))
      expect(shown).toEqual([])
      expect(dropped.map((event) => restoreSignedEvent(event as Event))).toEqual([events[0]])
    })

    it('drops what it requested with `#f`, because the event has no `f` tag', async () => {
      const { target, events } = await scene.stocked(2)
      const filter = { ...packagesOf(alice), '#f': ['base64'] }
      const { shown, dropped } = await subscribe(await connect(target.url), filter)
      expect({ shown, dropped }).toEqual({ shown: [], dropped: [events[0]] })
    })

    it('authenticates as the author, counts its own packages, and receives them as they arrive', async () => {
      const { target } = await scene.stocked(1)
      const relay = await connect(target.url)
      // The challenge arrives after the handshake.
      const [reason] = await eventually('the relay has sent a challenge', async () => [
        await relay.auth(signerOf(alice)),
      ])
      expect(reason).toBe('')
      expect(await relay.count([packagesOf(alice)], {})).toBe(1)
      const arrivals = new Set<string>()
      await new Promise<void>((resolve) => {
        relay.subscribe([packagesOf(alice)], { onevent: ({ id }) => arrivals.add(id), oneose: resolve })
      })
      await relay.publish(forClients(await newEvent(target, alice)))
      await eventually('both have arrived', () => arrivals.size === 2)
    })

    it('receives the rate limit as the reason for which its subscription is closed', async () => {
      const { target } = await scene.stocked(1, { quota: { perAuthor: { max: 1 } } })
      const relay = await connect(target.url)
      await subscribe(relay, packagesOf(alice))
      // The quota applies to redelivery as well.
      expect(await reasonOfClosing(relay, packagesOf(alice))).toMatch(/^rate-limited: 1 queries per 3600 s/)
    })
  })
}

interface Seen {
  readonly shown: Event[]
  /** Events that nostr-tools reports as invalid: by their signature, or because the filter does not match. */
  readonly dropped: unknown[]
}

/** Why the relay closes a subscription, after its EOSE. */
function reasonOfClosing(relay: Relay, filter: Filter): Promise<string> {
  return new Promise((resolve) => relay.subscribe([filter], { onclose: resolve }))
}

/** One subscription, up to EOSE; rejects with the reason of a CLOSED. */
function subscribe(relay: Relay, filter: Filter): Promise<Seen> {
  const seen: Seen = { shown: [], dropped: [] }
  return new Promise((resolve, reject) => {
    relay.subscribe([filter], {
      onevent: (event) => seen.shown.push(event),
      oninvalidevent: (event) => seen.dropped.push(event),
      oneose: () => resolve(seen),
      onclose: (reason) => reject(new Error(reason)),
    })
  })
}
