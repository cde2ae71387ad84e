/** What the replayed clients share: people, their packages, and the questions that every test asks of the relay. */

import { expect } from '@jest/globals'
import type { RelayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { alice, idsOf, Scene, type Target } from '../../e2e/behaviour/scene.ts'
import type { Client, Reply } from '../../support/client.ts'
import { NOW, signEvent } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'
import type { WatchedServer } from '../../support/serving.ts'
import type { Filter, OneTimeClient, SlotClient } from './real-clients.ts'

export type Home = (options: OptionsInput) => Promise<WatchedServer>

const MINUTE = 60
const made = new Map<string, Promise<readonly SignedEvent[]>>()

/** The events of Alice's nth package, each a minute newer than the one before. They are made once for all relays. */
export function nth(client: SlotClient | OneTimeClient, n: number): Promise<readonly SignedEvent[]> {
  const key = `${client.name} ${n}`
  const known = made.get(key) ?? client.publishes(alice, { createdAt: NOW + (n - 10) * MINUTE })
  made.set(key, known)
  return known
}

/** A deletion by Alice, made now. */
export function deletionOf(tags: string[][]): SignedEvent {
  return signEvent(alice.secretKey, { kind: 5, created_at: NOW, tags, content: '' })
}

export class Stage extends Scene<WatchedServer> {
  #asked = 0

  /** Publishes Alice's nth package; every event of it is acknowledged. */
  async published(
    target: Target,
    client: SlotClient | OneTimeClient,
    n: number,
  ): Promise<readonly SignedEvent[]> {
    const events = await nth(client, n)
    const connection = await this.connect(target)
    for (const event of events) expect(await connection.publish(event)).toEqual([true, ''])
    return events
  }

  /** What a new connection is answered to a filter, up to EOSE. */
  async ask(target: Target, filter: Filter, as?: Person): Promise<Reply> {
    return this.request(await this.connect(target, as), filter)
  }

  request(connection: Client, filter: object): Promise<Reply> {
    this.#asked += 1
    return connection.request(`asked ${this.#asked}`, filter)
  }

  /** All that is sent for a REQ until something sent after it is answered. */
  async everything(connection: Client, filter: object): Promise<RelayMessage[]> {
    this.#asked += 1
    const id = `asked ${this.#asked}`
    connection.send(['REQ', id, filter])
    return (await connection.rest()).filter(([, subject]) => subject === id)
  }

  /** The ids of all that the author has here, newest first. */
  async own(target: Target, author: Person = alice): Promise<string[]> {
    return idsOf((await this.ask(target, { kinds: [443, 30443], authors: [author.pubkey] }, author)).events)
  }
}
