/** Three gateways to which an author publishes the same packages: hardly anybody gets one that somebody else has (section 7). */

import { afterEach, describe, expect, it } from '@jest/globals'
import { proxyOptionsSchema } from '../../adapters/relays/server/server-options.ts'
import { startStandalone } from '../../adapters/relays/standalone/standalone.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { Client } from '../support/client.ts'
import { everyStore, type NamedStore } from '../support/every-store.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../support/key-packages.ts'
import { testLog } from '../support/log.ts'
import { type Person, person } from '../support/people.ts'
import { verifyEvent } from '../support/signing.ts'

const URLS = ['wss://one.example', 'wss://two.example', 'wss://three.example']
const PACKAGES = 10
const REQUESTS = 6

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** With the default settings, behind a reverse proxy that says who asks. Resolves to where it listens. */
async function startGateway(open: NamedStore[1], publicUrl: string | undefined): Promise<string> {
  const store = await open()
  const log = testLog()
  const clock = () => NOW * 1000
  const gateway = new KeyPackageGateway({ ...(publicUrl && { publicUrl }), store, clock, log, verifyEvent })
  const proxy = proxyOptionsSchema.parse({ trust: ['127.0.0.1'] })
  const { url, close } = await startStandalone({ gateway, store, proxy, clock, log, version: '0.0.0-test' })
  stops.push(async () => {
    await close()
    gateway.close()
    await store.close()
  })
  return url
}

/** One request, from an address of its own. */
async function at<Result>(
  url: string,
  address: string,
  act: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await Client.connect(url, { headers: { 'x-forwarded-for': address } })
  try {
    return await act(client)
  } finally {
    await client.close()
  }
}

/** The events of ten key packages, the same in every run. */
function packagesOf(author: Person, seed: string, relays: readonly string[] | null): Promise<SignedEvent[]> {
  return Promise.all(
    Array.from({ length: PACKAGES }, async (_, index) =>
      keyPackageEvent(author, await makeKeyPackage(author, { seed: `${seed} ${index}` }), {
        createdAt: NOW - 60,
        tags: { relays },
      }),
    ),
  )
}

/** An author publishes everywhere, and six people ask, each at the next gateway. Resolves to how many got a shared package. */
async function playRound(
  gateways: readonly string[],
  round: number,
  relays: readonly string[] | null,
): Promise<number> {
  const author = person(`author ${round}`)
  const events = await packagesOf(author, `round ${round}`, relays)
  for (const [index, url] of gateways.entries()) {
    await at(url, `192.0.2.${index}`, async (client) => {
      for (const event of events) expect(await client.publish(event)).toEqual([true, ''])
    })
  }
  const received: string[] = []
  for (let turn = 0; turn < REQUESTS; turn++) {
    const address = `198.51.100.${REQUESTS * (round % 40) + turn}`
    const filter = { kinds: [443], authors: [author.pubkey] }
    const url = gateways[turn % gateways.length] ?? ''
    const { events } = await at(url, address, (client) => client.request('invite', filter))
    expect(events).toHaveLength(1)
    received.push(...events.map(({ id }) => id))
  }
  return received.filter((id) => received.filter((other) => other === id).length > 1).length
}

async function play(
  open: NamedStore[1],
  rounds: number,
  { urls = URLS, relays = URLS }: Partial<Setting> = {},
): Promise<number> {
  const gateways: string[] = []
  for (const publicUrl of urls) gateways.push(await startGateway(open, publicUrl))
  let shared = 0
  for (let round = 0; round < rounds; round++) shared += await playRound(gateways, round, relays)
  return shared
}

interface Setting {
  readonly urls: readonly (string | undefined)[]
  readonly relays: readonly string[] | null
}

describe.each(everyStore())('on three gateways with %s stores', (name, open) => {
  const rounds = name === 'memory' ? 10 : 4

  it(`of ${REQUESTS * rounds} requests at most 5 % get a package that somebody else has too`, async () => {
    expect(await play(open, rounds)).toBeLessThanOrEqual(0.05 * REQUESTS * rounds)
  })
})

describe('without a statement of the author', () => {
  const [[, open]] = everyStore() as [NamedStore]

  it.each<[string, Partial<Setting>]>([
    ['the tag is missing', { relays: null }],
    ['the gateways have no publicUrl', { urls: [undefined, undefined, undefined], relays: null }],
  ])('gateways still begin with different packages: %s', async (_, setting) => {
    // If all chose alike, each of the 120 requests would get what two others have; by chance it is a third.
    expect(await play(open, 20, setting)).toBeLessThan(70)
  })
})
