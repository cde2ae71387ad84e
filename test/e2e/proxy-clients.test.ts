/** Clients that applications use, as they are, over the proxy: nostr-tools' SimplePool and NDK. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import NDK, { NDKEvent, NDKPrivateKeySigner, type NDKRelay, NDKRelayAuthPolicies } from '@nostr-dev-kit/ndk'
import { SimplePool, useWebSocketImplementation } from 'nostr-tools/pool'
import { type Event, finalizeEvent } from 'nostr-tools/pure'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { signEvent } from '../support/key-packages.ts'
import { startTestProxy, type TestProxy } from '../support/proxy.ts'
import { startRelay } from '../support/relay.ts'
import { alice, bob, newEvent, packagesOf, Scene } from './behaviour/scene.ts'

// Node 20 has no WebSocket of its own.
useWebSocketImplementation(WebSocket)
Object.assign(globalThis, { WebSocket })

const marmot = { profile: 'marmot' } as const
const machineTime = () => Math.floor(Date.now() / 1000)

/** A proxy that goes by the machine's clock, as these clients do. */
async function startNow(relay = startRelay()): Promise<TestProxy> {
  const target = await startTestProxy({ gateway: marmot, relay: await relay })
  target.advance(machineTime() - target.now())
  return target
}

const note = (content: string) =>
  signEvent(bob.secretKey, { kind: 1, created_at: machineTime(), tags: [], content }) as unknown as Event

describe("nostr-tools' SimplePool", () => {
  const scene = new Scene<TestProxy>(() => startNow())
  let pool: SimplePool
  beforeEach(() => {
    pool = new SimplePool({ enableReconnect: true })
  })
  afterEach(() => pool.destroy())

  it('publishes and subscribes live; key packages are claimed beside it', async () => {
    const target = await scene.start()
    const [event] = await scene.publish(target, alice, 2)
    const seen: string[] = []
    await new Promise<void>((resolve) => {
      pool.subscribeMany(
        [target.url],
        { kinds: [1] },
        { onevent: ({ content }) => seen.push(content), oneose: resolve },
      )
    })
    await Promise.all(pool.publish([target.url], note('first')))
    await eventually('the first note is heard', () => seen.includes('first'))
    const claimed = await pool.querySync([target.url], packagesOf(alice))
    expect(claimed.map(({ id }) => id)).toEqual([event?.id])
    expect(await pool.querySync([target.url], { authors: [alice.pubkey] })).toEqual([])
  })

  it('authenticates with the relay, is known to the gateway too, and asks again', async () => {
    const target = await startNow(startRelay({ hostname: '127.0.0.1' }))
    pool.automaticallyAuth = () => async (template) => finalizeEvent(template, alice.secretKey)
    const publisher = await scene.connect(target, alice)
    const event = await newEvent(target, alice)
    await publisher.publish(event)
    const relay = await pool.ensureRelay(target.url)
    await eventually('the relay has believed it', async () => {
      const own = await pool.querySync([target.url], packagesOf(alice))
      return own.length === 1 && relay.connected
    })
    // An owner asks as often as it likes, and nothing is used.
    for (let turn = 0; turn < 12; turn++) {
      expect((await pool.querySync([target.url], packagesOf(alice))).map(({ id }) => id)).toEqual([event.id])
    }
    await publisher.close()
    pool.destroy()
    await target.stop()
  })

  it('connects again when the relay is back, and its subscription lives on', async () => {
    const relay = await startRelay()
    const target = await startNow(Promise.resolve(relay))
    const seen: string[] = []
    const ready = new Promise<void>((resolve) => {
      pool.subscribeMany(
        [target.url],
        { kinds: [1] },
        { onevent: ({ content }) => seen.push(content), oneose: resolve },
      )
    })
    await ready
    await relay.stop()
    const again = await startRelay({ port: relay.port })
    await eventually(
      'the pool asks again',
      () => again.received.some((frame) => frame.startsWith('["REQ"')),
      20_000,
    )
    again.keep(note('not live') as never)
    await Promise.all(pool.publish([target.url], note('live again')))
    await eventually('the note is heard', () => seen.includes('live again'))
    pool.destroy()
    await again.stop()
    await target.stop()
  }, 40_000)
})

describe('NDK', () => {
  const scene = new Scene<TestProxy>(() => startNow(startRelay({ hostname: '127.0.0.1' })))
  const connected: NDK[] = []
  afterEach(() => {
    for (const ndk of connected.splice(0)) for (const relay of ndk.pool.relays.values()) relay.disconnect()
  })

  async function connect(target: TestProxy, secretKey: Uint8Array): Promise<{ ndk: NDK; relay: NDKRelay }> {
    const signer = new NDKPrivateKeySigner(Buffer.from(secretKey).toString('hex'))
    const ndk = new NDK({ explicitRelayUrls: [target.url], signer, enableOutboxModel: false })
    ndk.relayAuthDefaultPolicy = NDKRelayAuthPolicies.signIn({ ndk, signer })
    connected.push(ndk)
    await ndk.connect(5000)
    const [relay] = ndk.pool.relays.values()
    if (relay === undefined) throw new Error('NDK has no relay')
    await eventually('NDK has authenticated', () => relay.connected)
    return { ndk, relay }
  }

  it('publishes a key package and a note, subscribes live, and claims', async () => {
    const target = await scene.start()
    const [author, other] = [await connect(target, alice.secretKey), await connect(target, bob.secretKey)]
    const seen: string[] = []
    const live = other.ndk.subscribe({ kinds: [1] }, { closeOnEose: false, groupable: false })
    live.on('event', ({ content }: NDKEvent) => seen.push(content))
    await new Promise<void>((resolve) => live.once('eose', () => resolve()))

    const said = new NDKEvent(author.ndk, {
      kind: 1,
      content: 'hello',
      created_at: machineTime(),
      tags: [],
      pubkey: '',
    })
    expect((await said.publish()).size).toBe(1)
    await eventually('the note is heard', () => seen.includes('hello'))

    const event = await newEvent(target, alice)
    expect((await new NDKEvent(author.ndk, JSON.parse(JSON.stringify(event))).publish()).size).toBe(1)
    const claimed = await other.ndk.fetchEvents({ kinds: [443 as never], authors: [alice.pubkey] })
    expect([...claimed].map(({ id }) => id)).toEqual([event.id])
    live.stop()
  })
})
