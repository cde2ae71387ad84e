/** The stranger rule with the default options, over sockets: who gets a fresh package while strangers flood an author (DESIGN section 6). */

import { afterEach, describe, expect, it } from '@jest/globals'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { everyStore } from '../support/every-store.ts'
import { signEvent } from '../support/key-packages.ts'
import { type Person, person } from '../support/people.ts'
import { startTestProxy } from '../support/proxy.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { alice, bob, carol, idsOf, newEvent, packagesOf } from './behaviour/scene.ts'

/** Test servers switch the rule off unless it is named. */
const DEFAULTS: OptionsInput = {
  quota: { strangers: { max: 12 }, freshPerAddress: { max: 1 } },
  stock: { keep: 3, low: 5 },
}
/** The clients say where they come from. */
const PROXY = { trust: ['127.0.0.1'] }
const EVERYBODY = packagesOf(alice)

type Start = (store: KeyPackageStore, options: OptionsInput) => Promise<TestServer>

const servers: readonly (readonly [name: string, start: Start])[] = [
  ['serve', (store, options) => startTestServer(store, options, {}, PROXY)],
  ['serve --upstream', (store, gateway) => startTestProxy({ store, gateway, proxy: PROXY })],
]
const cases = servers.flatMap(([server, start]) =>
  everyStore().map(([store, open]) => [`${server}, on ${store}`, start, open] as const),
)

describe.each(cases)('%s', (_name, start, open) => {
  const clients: Client[] = []
  let server: TestServer
  let lookUps = 0

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()))
    await server.stop()
  })

  async function started(options: OptionsInput = {}): Promise<void> {
    lookUps = 0
    server = await start(
      countingLookUps(await open(), () => (lookUps += 1)),
      { ...DEFAULTS, ...options },
    )
    const publisher = await connect('192.0.2.1')
    for (let count = 0; count < 10; count++) {
      const [accepted, message] = await publisher.publish(await newEvent(server, alice))
      if (accepted !== true) throw new Error(`${message}`)
    }
    lookUps = 0
  }

  async function connect(address: string, as?: Person): Promise<Client> {
    const client = await Client.connect(server.url, { headers: { 'x-forwarded-for': address } })
    clients.push(client)
    if (as !== undefined) await client.authenticate(as, server.now())
    return client
  }

  /** The id of the one package that a client gets; it hears nothing else. */
  async function claim(client: Client): Promise<string> {
    const { events, notices, closed } = await client.request('claim', EVERYBODY)
    expect([events.length, notices, closed]).toEqual([1, [], undefined])
    return idsOf(events)[0] ?? ''
  }

  async function flood(): Promise<string[]> {
    const ids: string[] = []
    for (let index = 0; index < 12; index++) {
      const stranger = index % 2 === 0 ? undefined : person(`stranger ${index}`)
      ids.push(await claim(await connect(`203.0.113.${index}`, stranger)))
    }
    return ids
  }

  async function follow(followed: Person): Promise<void> {
    const tags = [['p', followed.pubkey]]
    const event = signEvent(alice.secretKey, { kind: 3, created_at: server.now(), tags, content: '' })
    const author = await connect('192.0.2.1')
    expect((await author.publish(event))[0]).toBe(true)
  }

  it('hands six of ten packages to one stranger each, and then one to all of them', async () => {
    await started()
    const ids = await flood()
    expect(new Set(ids.slice(0, 6)).size).toBe(6)
    expect(new Set(ids.slice(6)).size).toBe(1)
    expect(ids.slice(0, 6)).not.toContain(ids[6])
  })

  it('gives whom the author follows a fresh one during a flood, and the others the shared one', async () => {
    await started()
    await follow(bob)
    const shared = (await flood()).at(-1)
    const known = await eventually('the list is learnt', async () => {
      const id = await claim(await connect('198.51.100.1', bob))
      return id !== shared && id
    })
    expect(await claim(await connect('198.51.100.2', carol))).toBe(shared)
    expect(known).not.toBe(shared)
  })

  it('looks nobody up in peace', async () => {
    await started()
    for (let index = 0; index < 4; index++)
      await claim(await connect(`203.0.113.${index}`, person(`guest ${index}`)))
    expect(lookUps).toBe(0)
  })

  it('gives an address one fresh package a day, and then the shared one', async () => {
    await started()
    const [first, second, third] = [
      await claim(await connect('203.0.113.1')),
      await claim(await connect('203.0.113.1')),
      await claim(await connect('203.0.113.1')),
    ]
    expect(second).toBe(third)
    expect(first).not.toBe(second)
  })

  it('forgets whom an author followed who asks to vanish (NIP-62)', async () => {
    await started()
    await follow(bob)
    const tags = [['relay', 'ALL_RELAYS']]
    const author = await connect('192.0.2.1', alice)
    await author.publish(
      signEvent(alice.secretKey, { kind: 62, created_at: server.now(), tags, content: '' }),
    )
    expect((await author.request('own', EVERYBODY)).events).toEqual([])
    expect(await store?.follows(alice.pubkey, [bob.pubkey])).toBe('unknown')
  })
})

let store: KeyPackageStore | undefined

/** The same store, which also says when it is asked whom an author follows. */
function countingLookUps(opened: KeyPackageStore, count: () => void): KeyPackageStore {
  store = opened
  const follows = opened.follows.bind(opened)
  opened.follows = (author, pubkeys) => {
    if (pubkeys.length > 0) count()
    return follows(author, pubkeys)
  }
  return opened
}
