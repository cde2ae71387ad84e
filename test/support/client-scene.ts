/** The stage of the client's tests: servers on a store, and people with clients and key packages, on one clock. */

import { afterEach } from '@jest/globals'
import type { NostrEvent } from 'nostr-tools/core'
import type { Signer } from 'nostr-tools/signer'
import { WebSocket } from 'ws'
import { KeyPackageClient, type PublishedKeyPackage } from '../../adapters/client/client.ts'
import { generateKeyPackage } from '../../adapters/client/generate.ts'
import type { Generation } from '../../adapters/client/generation.ts'
import type { CompleteKeyPackage } from '../../adapters/client/mls.ts'
import type { KeyPackageAnswer } from '../../adapters/client/query.ts'
import type { KeyPackageClientSettings } from '../../adapters/client/settings.ts'
import type { ReceivedKeyPackage } from '../../adapters/client/verify.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { forAnybody } from './anybody.ts'
import { suite } from './group-member.ts'
import { ManualTime } from './manual-time.ts'
import { type Person, person } from './people.ts'
import { startTestServer, type TestServer } from './server.ts'
import { signerOf } from './signing.ts'

/** Of a client, where it is not as it is for everybody; a signer that is undefined is none. */
type Settings = Partial<Omit<KeyPackageClientSettings, 'signer'>> & { readonly signer?: Signer | undefined }

/** Long enough for ts-mls, which goes by the machine's clock where it adds somebody. */
const LIFETIME = 30 * 365 * 86_400

/** Starts servers and clients; all of it ends with the test. */
export class ClientScene {
  readonly #openStore: () => KeyPackageStore | Promise<KeyPackageStore>
  readonly #stops: (() => unknown)[] = []
  #servers: TestServer[] = []
  #time = new ManualTime()

  /** To be made where tests are described, not in one. */
  constructor(openStore: () => KeyPackageStore | Promise<KeyPackageStore>) {
    this.#openStore = openStore
    afterEach(async () => {
      for (const stop of this.#stops.splice(0).reverse()) await stop()
      this.#servers = []
      this.#time = new ManualTime()
    })
  }

  get time(): ManualTime {
    return this.#time
  }

  /** To be called at the end of the test, before what was started earlier ends. */
  finally(stop: () => unknown): void {
    this.#stops.push(stop)
  }

  async serve(options: OptionsInput = {}): Promise<TestServer> {
    const server = await startTestServer(await this.#openStore(), forAnybody(options))
    server.advance(Math.floor(this.#time.now() / 1000) - server.now())
    this.#servers.push(server)
    this.finally(() => server.stop())
    return server
  }

  /** Somebody's client; `own` is what they have from earlier. */
  connect(
    name: string,
    { url }: Pick<TestServer, 'url'>,
    settings: Settings = {},
    own?: Map<string, OwnKeyPackage>,
  ): Someone {
    const { secretKey, pubkey } = person(name)
    const { signer, ...others } = { signer: signerOf(secretKey, pubkey), ...settings }
    const client = new KeyPackageClient({
      relays: [url],
      WebSocket,
      time: this.#time,
      ...others,
      ...(signer && { signer }),
    })
    this.finally(() => client.close())
    return new Someone({ secretKey, pubkey }, client, this.#time, { generation: settings.generation, own })
  }

  advance(seconds: number): void {
    for (const server of this.#servers) server.advance(seconds)
    this.#time.advance(seconds * 1000)
  }
}

/** What somebody keeps of a key package they published. */
export interface OwnKeyPackage extends CompleteKeyPackage {
  readonly event: NostrEvent
}

/** A person, their client, and what they keep of their key packages. */
export class Someone {
  readonly pubkey: string
  readonly person: Person
  readonly client: KeyPackageClient
  /** By KeyPackageRef. */
  readonly own: Map<string, OwnKeyPackage>
  readonly #time: ManualTime
  readonly #generation: Generation | undefined

  constructor(
    person: Person,
    client: KeyPackageClient,
    time: ManualTime,
    {
      generation,
      own = new Map(),
    }: { generation: Generation | undefined; own: Map<string, OwnKeyPackage> | undefined },
  ) {
    this.own = own
    this.#generation = generation
    this.person = person
    this.pubkey = person.pubkey
    this.client = client
    this.#time = time
  }

  generate(count: number): Promise<CompleteKeyPackage[]> {
    const settings = {
      pubkey: this.pubkey,
      now: Math.floor(this.#time.now() / 1000),
      lifetimeSeconds: LIFETIME,
      ciphersuite: suite,
      ...(this.#generation && { generation: this.#generation }),
    }
    return Promise.all(Array.from({ length: count }, () => generateKeyPackage(settings)))
  }

  /** Publishes so many new packages, and keeps what belongs to them. Resolves to their refs. */
  async publish(
    count: number,
    settings: Parameters<KeyPackageClient['publishKeyPackages']>[1] = {},
  ): Promise<string[]> {
    const made = await this.generate(count)
    const packages = made.map(({ publicPackage }) => publicPackage)
    return this.#keep(made, await this.client.publishKeyPackages(packages, settings))
  }

  /** Publishes a new package in this slot, and keeps what belongs to it. Resolves to its ref. */
  async publishSlot(slot: string): Promise<string> {
    const made = await this.generate(1)
    const packages = made.map(({ publicPackage }) => ({ keyPackage: publicPackage, slot }))
    const [ref = ''] = this.#keep(made, await this.client.publishKeyPackages(packages))
    return ref
  }

  #keep(made: readonly CompleteKeyPackage[], publications: readonly PublishedKeyPackage[]): string[] {
    for (const [index, { ref, event, outcome, relays }] of publications.entries()) {
      if (outcome !== 'accepted') throw new Error(`not published: ${JSON.stringify(relays)}`)
      const complete = made[index]
      if (complete !== undefined) this.own.set(ref, { ...complete, event })
    }
    return publications.map(({ ref }) => ref)
  }

  /** KeyPackageRefs of what the client gets for an author. @throws Error where that is nothing */
  async claim(author: Someone): Promise<string[]> {
    const answer = await this.client.queryKeyPackages([author.pubkey])
    const received = byOutcome(answer).packages.get(author.pubkey)
    if (received === undefined) throw new Error(`nothing: ${JSON.stringify(answer)}`)
    return received.map(({ ref }) => ref)
  }
}

/** The results of a query by their outcome, each with its author. */
export function byOutcome({ results, rejected }: KeyPackageAnswer) {
  return {
    packages: new Map<string, readonly ReceivedKeyPackage[]>(
      results.flatMap((result) =>
        result.outcome === 'delivered' ? [[result.author, result.packages] as const] : [],
      ),
    ),
    missing: results.flatMap(({ author, outcome }) => (outcome === 'missing' ? [author] : [])),
    limited: results.flatMap((result) => {
      if (result.outcome !== 'limited') return []
      return [{ author: result.author, retryAfterSeconds: result.retryAfterSeconds }]
    }),
    unanswered: reasonsOf('unanswered', results),
    refused: reasonsOf('refused', results),
    rejected,
  }
}

function reasonsOf(outcome: 'unanswered' | 'refused', results: KeyPackageAnswer['results']) {
  return results.flatMap((result) =>
    'reason' in result && result.outcome === outcome
      ? [{ author: result.author, reason: result.reason }]
      : [],
  )
}
