/** A gateway on a Redis that tests make fail, and a client that publishes and claims there. */

import { redisStore } from '../../adapters/storage/redis.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { Client, type Reply } from './client.ts'
import { eventually } from './eventually.ts'
import { keyPackagesOf } from './gateway.ts'
import { keyPackageEvent, makeKeyPackage } from './key-packages.ts'
import { type LogLine, testLog } from './log.ts'
import { type Person, person } from './people.ts'
import { startTestServer, type TestServer } from './server.ts'

/** The wire message for every failure of Redis (I7). */
export const UNAVAILABLE = 'error: key packages are unavailable, try again'
/** Maximum time until a failure is answered (I7), in milliseconds. */
export const PROMPTLY = 2_000

const NO_LIMIT = { max: 10_000 }

export class RedisScene {
  readonly author: Person = person('alice')
  readonly client: Client
  readonly store: KeyPackageStore
  readonly #server: TestServer
  readonly #lines: readonly LogLine[]
  #claims = 0

  private constructor(client: Client, store: KeyPackageStore, server: TestServer, lines: readonly LogLine[]) {
    this.client = client
    this.store = store
    this.#server = server
    this.#lines = lines
  }

  static async open(redis: string): Promise<RedisScene> {
    const log = testLog()
    const store = await redisStore({ redis, log })
    const server = await startTestServer(store, {
      claim: { redeliverySeconds: 0 },
      quota: { perAuthor: NO_LIMIT, perAddress: NO_LIMIT },
    })
    return new RedisScene(await Client.connect(server.url), store, server, log.lines)
  }

  /** The logged outages: the fault code when one begins, and `over` when it ends. */
  get outages(): string[] {
    return this.#lines
      .filter(({ fields }) => 'fault' in fields || 'seconds' in fields)
      .map(({ fields }) => String(fields.fault ?? 'over'))
  }

  /** Publishes that many new packages of the author; rejects if one is not accepted. */
  async stock(count: number): Promise<readonly [SignedEvent, ...SignedEvent[]]> {
    const [first, ...more] = await keyPackagesOf(this.author, count)
    if (first === undefined) throw new Error('no package was asked for')
    const events = [first, ...more] as const
    for (const event of events) {
      const [accepted, message] = await this.client.publish(event)
      if (accepted !== true) throw new Error(String(message))
    }
    return events
  }

  /** Claims one package of the author. */
  claim(): Promise<Reply> {
    this.#claims += 1
    return this.client.request(`claim ${this.#claims}`, { kinds: [443], authors: [this.author.pubkey] })
  }

  async claimedId(): Promise<string> {
    const { events, closed } = await this.claim()
    const [event] = events
    if (event === undefined) throw new Error(closed ?? 'there was none')
    return event.id
  }

  /** The answers to publishing and claiming, and how long they took in total, in milliseconds. */
  async answers(): Promise<{
    published: unknown
    claimed: string | undefined
    other: string | undefined
    took: number
  }> {
    const event = keyPackageEvent(this.author, await makeKeyPackage(this.author))
    const began = performance.now()
    const other = await this.client.request('other', { kinds: [1] })
    const [, published] = await this.client.publish(event)
    const { closed } = await this.claim()
    return { published, claimed: closed, other: other.closed, took: performance.now() - began }
  }

  /** Waits until claims are served and the log has reported the recovery. */
  async recovers(withinMs = 20_000): Promise<void> {
    await eventually(
      'claims are served again',
      async () => (await this.claim()).closed === undefined,
      withinMs,
    )
    await eventually('the log says so', () => this.outages.at(-1) === 'over', withinMs)
  }

  async close(): Promise<void> {
    await this.client.close()
    await this.#server.stop()
  }
}
