/** What the behaviour suite needs of a relay under test, and the stage each of its tests is played on. */

import { afterEach } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { Client } from '../../support/client.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

/** A relay with the gateway in or before it, new and empty. */
export interface Target {
  readonly url: string
  /** Seconds since the epoch, as the gateway sees it. */
  now(): number
  stop(): Promise<void>
}

/** One that runs in this process: its time passes as the test says, and its store can be taken away. */
export interface ControlledTarget extends Target {
  advance(seconds: number): void
  failStore(): Promise<void>
}

export type StartTarget<Kind extends Target = Target> = (options: OptionsInput) => Promise<Kind>

export const alice = person('alice')
export const bob = person('bob')
export const carol = person('carol')

/** Starts relays and connects to them; all of it ends with the test. */
export class Scene<Kind extends Target = Target> {
  readonly #startTarget: StartTarget<Kind>
  readonly #clients: Client[] = []
  readonly #targets: Kind[] = []

  /** To be made where tests are described, not in one. */
  constructor(startTarget: StartTarget<Kind>) {
    this.#startTarget = startTarget
    afterEach(async () => {
      await Promise.all(this.#clients.splice(0).map((client) => client.close()))
      await Promise.all(this.#targets.splice(0).map((target) => target.stop()))
    })
  }

  async start(options: OptionsInput = {}): Promise<Kind> {
    const target = await this.#startTarget(options)
    this.#targets.push(target)
    return target
  }

  async connect(target: Target, as?: Person): Promise<Client> {
    const client = await Client.connect(target.url)
    this.#clients.push(client)
    if (as !== undefined) await client.authenticate(as, target.now())
    return client
  }

  /** A relay on which `author` has published `count` packages, and a connection of nobody in particular. */
  async stocked(count: number, options: OptionsInput = {}, author = alice): Promise<Stocked<Kind>> {
    const target = await this.start(options)
    const events = await this.publish(target, author, count)
    return { target, events, client: await this.connect(target) }
  }

  /** Publishes new packages, the oldest first; each is a second younger than the one before it. */
  async publish(target: Target, author: Person, count: number, age = 60): Promise<SignedEvent[]> {
    const publisher = await this.connect(target)
    const events: SignedEvent[] = []
    for (let index = 0; index < count; index++) {
      const event = await newEvent(target, author, { createdAt: target.now() - age - count + index })
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

/** The event of a key package that nobody has seen. */
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
