/** What the behaviour suite needs of a relay under test, and the set-up of its tests. */

import { afterEach } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { forAnybody } from '../../support/anybody.ts'
import { Client } from '../../support/client.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

/** A new, empty relay with the gateway in it or in front of it. */
export interface Target {
  readonly url: string
  /** Seconds since the epoch, as the gateway sees it. */
  now(): number
  stop(): Promise<void>
  /** Of its store, if it is not that of `fixOrder`. */
  readonly storeUrl?: string
}

/** One in this process, whose clock the test moves and whose store it can make fail. */
export interface ControlledTarget extends Target {
  advance(seconds: number): void
  failStore(): Promise<void>
}

export type StartTarget<Kind extends Target = Target> = (options: OptionsInput) => Promise<Kind>

/** Without redelivery: a requester who asks again gets another package. */
export const EACH_ANEW: OptionsInput = { claim: { redeliverySeconds: 0 } }

export const alice = person('alice')
export const bob = person('bob')
export const carol = person('carol')

/** Starts relays and connects to them; all are stopped and closed after each test. */
export class Scene<Kind extends Target = Target> {
  readonly #startTarget: StartTarget<Kind>
  readonly #clients: Client[] = []
  readonly #targets: Kind[] = []

  /** Create it in a `describe`, not in a test. */
  constructor(startTarget: StartTarget<Kind>) {
    this.#startTarget = startTarget
    afterEach(async () => {
      await Promise.all(this.#clients.splice(0).map((client) => client.close()))
      await Promise.all(this.#targets.splice(0).map((target) => target.stop()))
    })
  }

  /** Without the stranger rule, unless the options name it. */
  async start(options: OptionsInput = {}): Promise<Kind> {
    const target = await this.#startTarget(forAnybody(options))
    this.#targets.push(target)
    return target
  }

  async connect(target: Target, as?: Person): Promise<Client> {
    const client = await Client.connect(target.url)
    this.#clients.push(client)
    if (as !== undefined) await client.authenticate(as, target.now())
    return client
  }

  /** A relay with `count` packages of `author`, and an unauthenticated connection. */
  async stocked(count: number, options: OptionsInput = {}, author = alice): Promise<Stocked<Kind>> {
    const target = await this.start(options)
    const events = await this.publish(target, author, count)
    return { target, events, client: await this.connect(target) }
  }

  /** Publishes new packages, each one second newer than the one before. They are delivered in this order. */
  async publish(target: Target, author: Person, count: number, age = 60): Promise<SignedEvent[]> {
    const publisher = await this.connect(target)
    const events: SignedEvent[] = []
    for (let index = 0; index < count; index++) {
      const createdAt = target.now() - age - count + index
      const place = { index, of: count, storeUrl: target.storeUrl }
      const event = await newEvent(target, author, { createdAt, place })
      const [accepted, message] = await publisher.publish(event)
      if (accepted !== true) throw new Error(`not published: ${message}`)
      events.push(event)
    }
    return events
  }
}

export interface Stocked<Kind extends Target> {
  readonly target: Kind
  readonly events: readonly SignedEvent[]
  readonly client: Client
}

type EventSettings = Parameters<typeof keyPackageEvent>[2]

/** The event of a new key package. */
export async function newEvent(
  target: Target,
  author: Person,
  settings: EventSettings = {},
): Promise<SignedEvent> {
  const now = target.now()
  return keyPackageEvent(author, await makeKeyPackage(author, { now }), { createdAt: now - 60, ...settings })
}

/** An event of any kind, made now. */
export function eventOf(target: Target, author: Person, kind: number, tags: string[][]): SignedEvent {
  return signEvent(author.secretKey, { kind, created_at: target.now(), tags, content: '' })
}

export function packagesOf(...authors: readonly Person[]): { kinds: number[]; authors: string[] } {
  return { kinds: [443], authors: authors.map(({ pubkey }) => pubkey) }
}

export function idsOf(events: readonly SignedEvent[]): string[] {
  return events.map(({ id }) => id)
}
