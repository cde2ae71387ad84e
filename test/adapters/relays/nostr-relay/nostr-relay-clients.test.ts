/** Clients of the `@nostr-relay/core` plugin: who they are, which messages the relay sees, and how they disconnect. */

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { describe, expect, it } from '@jest/globals'
import type { ClientReadyState } from '@nostr-relay/common'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { alice, bob, EACH_ANEW, idsOf, newEvent, packagesOf, Scene } from '../../../e2e/behaviour/scene.ts'
import { eventually } from '../../../support/eventually.ts'
import { gate } from '../../../support/gate.ts'
import { signEvent } from '../../../support/key-packages.ts'
import { machineTime, type Plugin, startNostrRelay } from '../../../support/nostr-relay.ts'

/** A client in the relay's own process. */
class LocalClient extends EventTarget {
  readonly heard: string[] = []
  readonly readyState: ClientReadyState

  constructor(readyState: ClientReadyState = 1) {
    super()
    this.readyState = readyState
  }

  send(text: string): void {
    this.heard.push(text)
  }
}

describe('a delegate of an author (NIP-26)', () => {
  // The library the relay itself verifies with.
  const { schnorr } = createRequire(import.meta.resolve('@nostr-relay/common'))('@noble/curves/secp256k1')
  const scene = new Scene((options) => startNostrRelay({ options }))

  it('is authenticated as the author by the relay, but is not the owner of the key packages (I4)', async () => {
    const { target, events, client } = await scene.stocked(2)
    const conditions = `created_at>${target.now() - 60}`
    const token = `nostr:delegation:${bob.pubkey}:${conditions}`
    const signature = schnorr.sign(createHash('sha256').update(token).digest(), alice.secretKey)
    const event = signEvent(bob.secretKey, {
      kind: 22242,
      created_at: target.now(),
      tags: [
        ['relay', target.url],
        ['challenge', await client.challenge()],
        ['delegation', alice.pubkey, conditions, Buffer.from(signature).toString('hex')],
      ],
      content: '',
    })
    client.send(['AUTH', event])
    expect((await client.until('OK')).at(-1)).toEqual(['OK', event.id, true, ''])
    // An owner would see both.
    expect(idsOf((await client.request('hers', packagesOf(alice))).events)).toEqual([events[0]?.id])
  })
})

/** Whether the test client sent it only to see that nothing else was on its way. */
function isFence([, id]: readonly unknown[]): boolean {
  return String(id).startsWith('fence ')
}

describe('what the relay gets', () => {
  const seen: unknown[] = []
  const witness: Plugin = {
    handleMessage: async (_ctx, message, next) => {
      if (!isFence(message)) seen.push([...message])
      return next()
    },
  }
  const scene = new Scene((options) => startNostrRelay({ options, after: [witness] }))

  it('contains no key package kind, and a CLOSE for a subscription that the gateway has taken over', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    await client.request(
      's',
      { kinds: [443, 1], authors: [alice.pubkey] },
      { kinds: [443], authors: [alice.pubkey] },
    )
    await client.request('s', packagesOf(alice))
    await client.publish(await newEvent(target, alice))
    expect(seen).toEqual([
      ['REQ', 's', { kinds: [1], authors: [alice.pubkey] }],
      ['CLOSE', 's'],
      ['EVENT', expect.objectContaining({ kind: 443 })],
    ])
  })
})

describe('a client that cannot be identified', () => {
  const scene = new Scene((options) => startNostrRelay({ options, plugin: { addressOf: () => undefined } }))

  it('is refused without an address, because no quota could count it (I5)', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const why = 'error: this relay could not determine your network address'
    expect(await client.publish(await newEvent(target, alice))).toEqual([false, why])
    expect((await client.request('claim', packagesOf(alice))).closed).toBe(why)
    expect((await client.request('notes', { kinds: [1] })).closed).toBe(why)
  })

  it('is refused if its close could not be noticed, because sessions would accumulate (I9)', async () => {
    const { relay, stop } = await startNostrRelay()
    const heard: string[] = []
    const client = { readyState: 1, send: (text: string) => void heard.push(text) } as const
    relay.program.handleConnection(client, '192.0.2.1')
    await relay.program.handleMessage(client, ['REQ', 's', { kinds: [1] }])
    await stop()
    expect(heard.at(-1)).toBe('["CLOSED","s","error: unsupported WebSocket implementation"]')
  })
})

describe('a client that disconnects', () => {
  const claiming = gate()
  const store = memoryStore()
  const claim = store.claim.bind(store)
  store.claim = async (...query) => {
    const outcomes = await claim(...query)
    await claiming.opened
    return outcomes
  }
  const scene = new Scene((options) => startNostrRelay({ options, store }))
  const atOnce = new Scene((options) => startNostrRelay({ options }))

  it('before its answer is ready gets nothing, and nothing is spent', async () => {
    const { target, events, client } = await scene.stocked(2)
    await client.rest()
    client.send(['REQ', 'claim', packagesOf(alice)])
    await eventually('it is claimed', async () => (await store.count([alice.pubkey], machineTime()))[0] === 1)
    await client.cut()
    await eventually('the relay knows', () => target.relay.sockets.size === 1)
    claiming.open()
    await eventually('it is back', async () => (await store.count([alice.pubkey], machineTime()))[0] === 2)
    const other = await scene.connect(target)
    expect(idsOf((await other.request('claim', packagesOf(alice))).events)).toEqual([events[0]?.id])
  })
  it('is not answered any more; a claim made while it disconnects is released, and one made afterwards takes nothing (I5)', async () => {
    const target = await atOnce.start({ ...EACH_ANEW, quota: { perAuthor: { max: 3 } } })
    const events = await atOnce.publish(target, alice, 3)
    const { program } = target.relay
    const ask = async (client: LocalClient) => {
      program.handleConnection(client, '192.0.2.1')
      await program.handleMessage(client, ['REQ', 's', packagesOf(alice)])
      return events.filter(({ id }) => client.heard.some((text) => text.includes(id)))
    }
    const [left, leaving, gone, other] = [
      new LocalClient(),
      new LocalClient(2),
      new LocalClient(3),
      new LocalClient(),
    ]
    expect(await ask(left)).toEqual([events[0]])
    left.dispatchEvent(new Event('close'))
    expect(await ask(left)).toEqual([events[0]])
    expect(await ask(leaving)).toEqual([])
    expect(await ask(gone)).toEqual([])
    expect(await ask(other)).toEqual([events[1]])
  })
})
