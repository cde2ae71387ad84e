/** Owners who ask for all of their packages again and again: what the server holds for them is bounded (I9). */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { WebSocket } from 'ws'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { DAY, LIMITS, packageNamed } from '../../contract/index.ts'
import type { Target } from '../../e2e/behaviour/scene.ts'
import { Client } from '../../support/client.ts'
import { Connections } from '../../support/connections.ts'
import { NOW } from '../../support/key-packages.ts'
import { startNostrRelay } from '../../support/nostr-relay.ts'
import { startNostreamTarget } from '../../support/nostream-target.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const MOST = 524_288
const PACKAGES = 10
const REQUESTS = 24
const CONNECTIONS = 12
/** As long as the largest key package in base64. */
const CONTENT = 'A'.repeat(87_380)
const MAX_MESSAGE_LENGTH = CONTENT.length + 1000

let connections: Connections
beforeEach(async () => {
  connections = await Connections.listen()
  await fill(connections.store, NOW)
  await connections.store.put(packageNamed('of bob', bob.pubkey), LIMITS, NOW)
})
afterEach(() => connections.close())

describe('an owner with large packages, many connections and many REQs on each', () => {
  it('who does not read has no more waiting than the limit and one message, over all connections of the address', async () => {
    const { sockets } = await flood()
    let most = 0
    for (let rounds = 0; rounds < 10; rounds += 1) {
      await connections.progressElsewhere()
      most = Math.max(most, bufferedIn(sockets))
    }
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(MOST + MAX_MESSAGE_LENGTH)
  })

  it('keeps nobody else waiting: a claim from another address is answered', async () => {
    await flood()
    const { client } = await connections.connect({ address: '198.51.100.7' })
    client.send(['REQ', 'claim', { kinds: [443], authors: [bob.pubkey] }])
    expect((await client.until('EOSE', 'claim')).map(([verb]) => verb)).toEqual(['EVENT', 'EOSE'])
  })

  it('gets everything in order once it reads and the others are gone', async () => {
    const { clients } = await flood()
    await connections.progressElsewhere()
    const [reader, ...others] = clients
    await Promise.all(others.map((client) => client.cut()))
    reader?.socket.resume()
    if (reader === undefined) throw new Error('there is one')
    for (let request = 0; request < REQUESTS; request += 1) await expectEverything(reader, request)
  })
})

describe.each([
  ['@nostr-relay/core', nostrRelay],
  ['nostream', nostream],
] as const)('the same in %s', (_, start) => {
  it('who does not read has no more waiting than one message; who reads gets everything in order', async () => {
    const { target, store, sockets } = await start()
    await fill(store, target.now())
    const client = await Client.connect(target.url)
    await client.authenticate(alice, target.now())
    client.socket.pause()
    askForEverything(client)
    for (let rounds = 0; rounds < 10; rounds += 1) {
      await connections.progressElsewhere()
      expect(bufferedIn(sockets())).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH)
    }
    client.socket.resume()
    for (let request = 0; request < REQUESTS; request += 1) await expectEverything(client, request)
    await client.close()
    await target.stop()
  })
})

/** A relay with the gateway in it, and its ends of its clients' sockets. */
interface Embedded {
  readonly target: Target
  readonly store: KeyPackageStore
  readonly sockets: () => readonly WebSocket[]
}

async function nostrRelay(): Promise<Embedded> {
  const target = await startNostrRelay()
  return { target, store: target.store, sockets: () => [...target.relay.sockets] }
}

async function nostream(): Promise<Embedded> {
  const target = await startNostreamTarget()
  const sockets = () => [...target.nostream.adapters].map(({ client }) => client)
  return { target, store: target.store, sockets }
}

/** Alice's packages, which are good for a month. */
async function fill(store: KeyPackageStore, now: number): Promise<void> {
  for (let index = 0; index < PACKAGES; index += 1) {
    const expiresAt = now + 30 * DAY
    const pkg = packageNamed(`large ${index}`, alice.pubkey, { contentForm: 'base64', expiresAt })
    const event = JSON.stringify({ ...JSON.parse(pkg.event), content: CONTENT, tags: [] })
    await store.put({ ...pkg, event }, LIMITS, now)
  }
}

function askForEverything(client: Client): void {
  for (let request = 0; request < REQUESTS; request += 1)
    client.send(['REQ', `list ${request}`, { kinds: [443], authors: [alice.pubkey] }])
}

async function expectEverything(client: Client, request: number): Promise<void> {
  const id = `list ${request}`
  const messages = (await client.until('EOSE', id)).map(([verb, subject]) => [verb, subject])
  expect(messages).toEqual([...new Array(PACKAGES).fill(['EVENT', id]), ['EOSE', id]])
}

/** Every connection asks for everything, and none of them reads. */
async function flood(): Promise<{ clients: Client[]; sockets: WebSocket[] }> {
  const pairs = []
  for (let index = 0; index < CONNECTIONS; index += 1) {
    const options = { maxBufferedBytes: MOST }
    pairs.push(await connections.connect({ options, authenticated: alice.pubkey }))
  }
  for (const { client } of pairs) {
    client.socket.pause()
    askForEverything(client)
  }
  return {
    clients: pairs.map(({ client }) => client),
    sockets: pairs.map(({ serverSocket }) => serverSocket),
  }
}

function bufferedIn(sockets: readonly WebSocket[]): number {
  return sockets.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0)
}
