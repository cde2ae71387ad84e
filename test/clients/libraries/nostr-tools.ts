/** nostr-tools' Relay: drops events without a valid signature, authenticates when told to, and counts. */

import { afterEach, describe, expect } from '@jest/globals'
import type { Filter } from 'nostr-tools/filter'
import type { Event } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay'
import { WebSocket } from 'ws'
import { restoreSignedEvent } from '../../../plugin/index.ts'
import type { Rows } from '../../e2e/behaviour/rows.ts'
import { alice, newEvent, packagesOf, Scene, type StartTarget } from '../../e2e/behaviour/scene.ts'
import { eventually } from '../../support/eventually.ts'
import type { Person } from '../../support/people.ts'
import type { Library } from './library.ts'
import { forClients, signerOf } from './people.ts'

useWebSocketImplementation(WebSocket)

export const nostrTools: Library = {
  name: "nostr-tools' Relay",
  connect: async (url, person) => {
    const relay = await Relay.connect(url)
    return {
      publish: (event) => relay.publish(event),
      fetch: async (filter) => (await subscribe(relay, filter)).shown,
      authenticated: () => authenticate(relay, person),
      close: () => relay.close(),
    }
  },
}

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
      expect(await authenticate(relay, alice)).toBe('')
      expect(await relay.count([packagesOf(alice)], {})).toBe(1)
      const arrivals = new Set<string>()
      await new Promise<void>((resolve) => {
        relay.subscribe([packagesOf(alice)], { onevent: ({ id }) => arrivals.add(id), oneose: resolve })
      })
      await relay.publish(forClients(await newEvent(target, alice)))
      await eventually('both have arrived', () => arrivals.size === 2)
    })
  })
}

/** The relay's message; the challenge arrives after the handshake. */
export async function authenticate(relay: Pick<Relay, 'auth'>, person: Person): Promise<string | undefined> {
  const [message] = await eventually('the relay has sent a challenge', async () => [
    await relay.auth(signerOf(person)),
  ])
  return message
}

interface Seen {
  readonly shown: Event[]
  /** Events that nostr-tools reports as invalid: by their signature, or because the filter does not match. */
  readonly dropped: unknown[]
}

/** One subscription, up to EOSE; rejects with the reason of a CLOSED that comes instead. */
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
