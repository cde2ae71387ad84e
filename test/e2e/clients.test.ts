/** nostr-tools as it is, a client that knows nothing of the gateway: it publishes, claims and authenticates. */

import { afterEach, describe, expect, it } from '@jest/globals'
import type { Filter } from 'nostr-tools/filter'
import { SimplePool, useWebSocketImplementation as usePoolSocket } from 'nostr-tools/pool'
import { type Event, type EventTemplate, finalizeEvent, type VerifiedEvent } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation as useRelaySocket } from 'nostr-tools/relay'
import { WebSocket } from 'ws'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { restoreSignedEvent } from '../../plugin/index.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { Person } from '../support/people.ts'
import { startTestServer } from '../support/server.ts'
import { alice, bob, idsOf, newEvent, packagesOf, Scene } from './behaviour/scene.ts'

// Node 20 has no WebSocket of its own.
usePoolSocket(WebSocket)
useRelaySocket(WebSocket)

const marmot: OptionsInput = { profile: 'marmot' }

describe('nostr-tools', () => {
  const scene = new Scene((options) => startTestServer(memoryStore(), options))
  const relays: Relay[] = []
  const pools: SimplePool[] = []
  afterEach(() => {
    for (const relay of relays.splice(0)) relay.close()
    for (const pool of pools.splice(0)) pool.destroy()
  })

  const connect = async (url: string) => {
    const relay = await Relay.connect(url)
    relays.push(relay)
    return relay
  }
  const newPool = () => {
    const pool = new SimplePool()
    pools.push(pool)
    return pool
  }

  it('publishes, and hears why not', async () => {
    const target = await scene.start()
    const relay = await connect(target.url)
    const event = forNostrTools(await newEvent(target, alice))
    expect(await relay.publish(event)).toBe('')
    expect(await relay.publish(event)).toBe('duplicate: already have this key package')
    const wrong = forNostrTools(await newEvent(target, alice, { content: '' }))
    await expect(relay.publish(wrong)).rejects.toThrow(/^invalid: /)
  })

  it('claims with a pool, verifies the signature, and the subscription ends', async () => {
    const { target, events } = await scene.stocked(2, marmot)
    const claimed = await newPool().querySync([target.url], packagesOf(alice))
    expect(claimed.map(({ id }) => id)).toEqual([events[0]?.id])
  })

  it('gets one package of a relay it has twice in its pool', async () => {
    const { target, events } = await scene.stocked(2, marmot)
    const claimed = await newPool().querySync([target.url, `${target.url}/`], packagesOf(alice))
    expect(claimed.map(({ id }) => id)).toEqual([events[0]?.id])
  })

  it('drops a re-encoded package by its signature, unless it restores it first (I8)', async () => {
    const { target, events } = await scene.stocked(2)
    const relay = await connect(target.url)
    const { shown, dropped } = await subscribe(relay, packagesOf(alice))
    expect(shown).toEqual([])
    expect(dropped.map((event) => restoreSignedEvent(event as Event))).toEqual([events[0]])
  })

  it('drops what it asks for with `#f`, for want of an `f` tag', async () => {
    const { target, events } = await scene.stocked(2)
    const relay = await connect(target.url)
    const { shown, dropped } = await subscribe(relay, { ...packagesOf(alice), '#f': ['base64'] })
    expect({ shown, dropped }).toEqual({ shown: [], dropped: [events[0]] })
  })

  it('authenticates when a query is closed with auth-required, and asks again', async () => {
    const { target, events } = await scene.stocked(1, { ...marmot, requester: 'auth' })
    const claimed: string[] = []
    await new Promise((resolve) => {
      newPool().subscribeEose([target.url], packagesOf(alice), {
        maxWait: 2000,
        onauth: signerFor(bob, target.now),
        onevent: ({ id }) => claimed.push(id),
        onclose: resolve,
      })
    })
    expect(claimed).toEqual(idsOf(events))
  })

  it('authenticates as the author, counts, and watches its own packages come in', async () => {
    const { target } = await scene.stocked(1, marmot)
    const relay = await connect(target.url)
    expect(await relay.auth(signerFor(alice, target.now))).toBe('')
    expect(await relay.count([packagesOf(alice)], {})).toBe(1)
    const arrivals: string[] = []
    const arrived = new Promise<void>((resolve) => {
      relay.subscribe([packagesOf(alice)], {
        onevent: ({ id }) => {
          arrivals.push(id)
          if (arrivals.length === 2) resolve()
        },
        oneose: () => void newEvent(target, alice).then((event) => relay.publish(forNostrTools(event))),
      })
    })
    await arrived
    expect(new Set(arrivals).size).toBe(2)
  })

  it('hears the rate limit as the reason its subscription was closed', async () => {
    const { target } = await scene.stocked(1, { ...marmot, quota: { perAuthor: { max: 1 } } })
    const relay = await connect(target.url)
    await subscribe(relay, packagesOf(alice))
    const reason = await new Promise<string>((resolve) => {
      relay.subscribe([packagesOf(alice)], { eoseTimeout: 1, onclose: resolve })
    })
    // Redelivery of the marmot profile does not lift the quota.
    expect(reason).toMatch(/^rate-limited: 1 queries per 3600 s/)
  })
})

interface Seen {
  readonly shown: Event[]
  /** What nostr-tools kept from its user: the signature does not hold, or the filter does not fit. */
  readonly dropped: unknown[]
}

/** One subscription, up to EOSE. */
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

function signerFor({ secretKey }: Person, now: () => number) {
  return async (template: EventTemplate): Promise<VerifiedEvent> =>
    finalizeEvent({ ...template, created_at: now() }, secretKey)
}

/** The same event by nostr-tools' own type, whose arrays may be written to. */
function forNostrTools(event: object): Event {
  return JSON.parse(JSON.stringify(event)) as Event
}
