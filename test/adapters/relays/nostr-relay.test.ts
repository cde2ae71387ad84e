/** The plugin of `@nostr-relay/core`, in the real relay and over real sockets: what no other relay has. */

import { describe, expect, it } from '@jest/globals'
import { keyPackages, type NostrRelayOptions } from '../../../adapters/relays/nostr-relay.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import {
  alice,
  bob,
  eventOf,
  idsOf,
  newEvent,
  packagesOf,
  Scene,
  type Target,
} from '../../e2e/behaviour/scene.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { type RelaySettings, startRelay, type TestRelay } from '../../support/relay.ts'

interface NostrRelayTarget extends Target {
  readonly relay: TestRelay
  readonly store: KeyPackageStore
}

type Plugin = NonNullable<RelaySettings['plugins']>[number]

interface Settings {
  readonly options?: OptionsInput
  readonly plugin?: NostrRelayOptions
  readonly relay?: RelaySettings
  readonly store?: KeyPackageStore
  /** Registered before the gateway's plugin. */
  readonly before?: readonly Plugin[]
  readonly after?: readonly Plugin[]
}

const now = () => Math.floor(Date.now() / 1000)

async function start(settings: Settings = {}): Promise<NostrRelayTarget> {
  const { options, plugin, relay: relaySettings, store = memoryStore(), before = [], after = [] } = settings
  const gateway = new KeyPackageGateway({ ...options, store })
  const plugins = [...before, keyPackages(gateway, plugin), ...after]
  const relay = await startRelay({ hostname: '127.0.0.1', repeatsFor: 0, ...relaySettings, plugins })
  return {
    url: relay.url,
    relay,
    store,
    now,
    stop: async () => {
      await relay.stop()
      gateway.close()
      await store.close()
    },
  }
}

type Connected = Parameters<TestRelay['program']['handleConnection']>[0]

/** A plugin that carries events elsewhere. */
const carried: string[] = []
const carrier: Plugin = {
  broadcast: async (event, next) => {
    carried.push(event.id)
    await next()
  },
}

describe('guards of the relay', () => {
  let opened: Promise<void> = Promise.resolve()
  const onlyBob: Plugin = {
    beforeHandleEvent: async ({ pubkey }) => {
      await opened
      return { canHandle: pubkey === bob.pubkey, message: 'blocked: you are not on the list' }
    },
  }
  const scene = new Scene((options) => start({ options, before: [onlyBob] }))

  it('are asked first: what they refuse is not published', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const refused = [false, 'blocked: you are not on the list']
    expect(await client.publish(await newEvent(target, alice))).toEqual(refused)
    expect(await client.publish(await newEvent(target, bob))).toEqual([true, ''])
    expect(await target.store.count([alice.pubkey, bob.pubkey], now())).toEqual([undefined, 1])
  })

  it('may take their time: messages are still answered as if handled in order', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    await client.rest()
    const { opened: until, open } = gate()
    opened = until
    const [first, second, refused] = [
      await newEvent(target, bob, { createdAt: now() - 2 }),
      await newEvent(target, bob, { createdAt: now() - 1 }),
      await newEvent(target, alice),
    ]
    client.send(['EVENT', first], ['EVENT', refused], ['EVENT', second], ['REQ', 'one', packagesOf(bob)])
    client.send(['REQ', 'never', packagesOf(bob)], ['CLOSE', 'never'])
    // Another client is not kept waiting.
    const other = await scene.connect(target)
    expect((await other.request('none', packagesOf(bob))).events).toEqual([])
    open()
    expect(idsOf((await client.reply('one')).events)).toEqual([first.id])
    expect((await client.rest()).filter(([verb]) => verb === 'EVENT')).toEqual([])
    expect(await target.store.count([alice.pubkey, bob.pubkey], now())).toEqual([undefined, 1])
  })

  it('registered later are asked about what the gateway leaves to the relay', async () => {
    const target = await start({ after: [onlyBob] })
    const client = await scene.connect(target)
    expect(await client.publish(await newEvent(target, alice))).toEqual([true, ''])
    expect(await client.publish(eventOf(target, alice, 1, []))).toEqual([
      false,
      'blocked: you are not on the list',
    ])
    await client.close()
    await target.stop()
  })
})

describe('key packages that the relay itself has (I4)', () => {
  const scene = new Scene((options) => start({ options, after: [carrier] }))

  it('are shown to their owner alone, whatever the filter, stored or live', async () => {
    const target = await scene.start()
    const [old, live] = [await newEvent(target, alice), await newEvent(target, alice)]
    target.relay.keep(old)
    const [stranger, owner] = [await scene.connect(target, bob), await scene.connect(target, alice)]
    const filters = [{}, { ids: [old.id, live.id] }, { authors: [alice.pubkey] }, { since: old.created_at }]
    for (const [index, filter] of filters.entries()) {
      expect((await stranger.request(`filter ${index}`, filter)).events).toEqual([])
    }
    expect((await owner.request('all', {})).events).toEqual([old])
    await target.relay.program.broadcast(live as never)
    expect(await owner.until('EVENT')).toContainEqual(['EVENT', 'all', live])
    expect(await stranger.rest()).toEqual([])
  })

  it('custody relay: it keeps them, and carries them nowhere', async () => {
    const target = await scene.start({ custody: 'relay' })
    const [stranger, owner] = [await scene.connect(target, bob), await scene.connect(target, alice)]
    await stranger.request('all', {})
    const events = await scene.publish(target, alice, 2)
    const note = eventOf(target, alice, 1, [])
    await owner.publish(note)
    expect((await owner.request('all', {})).events.map(({ id }) => id)).toEqual(
      expect.arrayContaining(idsOf(events)),
    )
    expect((await stranger.rest()).filter(([verb]) => verb === 'EVENT')).toEqual([['EVENT', 'all', note]])
    expect(carried).toEqual([note.id])
  })
})

describe("events of the relay's own program", () => {
  const scene = new Scene((options) => start({ options }))

  it('are published like those of clients, and the relay does not keep them', async () => {
    const target = await scene.start()
    const [event, wrong] = [await newEvent(target, alice), await newEvent(target, alice, { content: '' })]
    const { program } = target.relay
    expect(await program.handleEvent(event as never)).toEqual({ success: false, message: '' })
    expect((await program.handleEvent(wrong as never)).message).toMatch(/^invalid: /)
    expect(await program.findEvents([{}])).toEqual([])
    const client = await scene.connect(target)
    expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([event.id])
  })
})

describe('a client that cannot be told from others', () => {
  const scene = new Scene((options) => start({ options, plugin: { addressOf: () => undefined } }))

  it('is refused, whatever it asks: no address, no quota (I5)', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const why = 'error: this relay does not know your address'
    expect(await client.publish(await newEvent(target, alice))).toEqual([false, why])
    expect((await client.request('claim', packagesOf(alice))).closed).toBe(why)
    expect((await client.request('notes', { kinds: [1] })).closed).toBe(why)
  })

  it('is refused where its end would not be known: sessions must not pile up (I9)', async () => {
    const { relay, stop } = await start()
    const heard: string[] = []
    const client: Connected = { readyState: 1, send: (text: string) => heard.push(text) }
    relay.program.handleConnection(client, '192.0.2.1')
    await relay.program.handleMessage(client, ['REQ', 's', { kinds: [1] }])
    expect(heard.at(-1)).toBe('["CLOSED","s","error: this relay does not know when you leave"]')
    await stop()
  })
})

describe('a client that leaves', () => {
  const claiming = gate()
  const store = memoryStore()
  const claim = store.claim.bind(store)
  store.claim = async (...query) => {
    const outcomes = await claim(...query)
    await claiming.opened
    return outcomes
  }
  const scene = new Scene((options) => start({ options, store }))

  it('before its answer is ready gets nothing, and nothing is spent', async () => {
    const { target, events, client } = await scene.stocked(2)
    await client.rest()
    client.send(['REQ', 'claim', packagesOf(alice)])
    await eventually('it is claimed', async () => (await store.count([alice.pubkey], now()))[0] === 1)
    await client.cut()
    await eventually('the relay knows', () => target.relay.sockets.size === 1)
    claiming.open()
    await eventually('it is back', async () => (await store.count([alice.pubkey], now()))[0] === 2)
    const other = await scene.connect(target)
    expect(idsOf((await other.request('claim', packagesOf(alice))).events)).toEqual([events[0]?.id])
  })
})

describe('an answer that the relay repeats', () => {
  const scene = new Scene((options) => start({ options, relay: { repeatsFor: 600_000 } }))

  it('is never one about a key package: the gateway answers each time', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const event = await newEvent(target, alice, { tags: { '-': [] } })
    expect((await client.publish(event))[1]).toMatch(/^auth-required: /)
    await client.authenticate(alice, now())
    expect(await client.publish(event)).toEqual([true, ''])
    expect(await client.publish(event)).toEqual([true, 'duplicate: already have this key package'])
  })

  it('is said to be one, where the gateway would let the relay handle it by now', async () => {
    const target = await scene.start({ custody: 'relay' })
    const client = await scene.connect(target)
    const event = await newEvent(target, alice, { tags: { '-': [] } })
    expect((await client.publish(event))[1]).toMatch(/^auth-required: /)
    await client.authenticate(alice, now())
    expect(await client.publish(event)).toEqual([
      false,
      'error: the relay repeats an earlier answer, try again in some minutes',
    ])
    expect(await target.store.count([alice.pubkey], now())).toEqual([1])
  })
})
