/** Notifies the listeners of this process, and of all others on the same Redis, of events of an author. */

import { randomUUID } from 'node:crypto'
import type { KeyPackageRef } from '../../../plugin/key-package/decode.ts'
import { Listeners } from '../../../plugin/listeners.ts'
import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import type {
  AccessListener,
  LowStockListener,
  PublishedListener,
  RotationDueListener,
} from '../../../plugin/store.ts'
import type { RedisConnection } from './connection.ts'

/**
 * Listeners in this process are notified directly and its own messages from Redis are ignored, so that each event is
 * heard once. Other processes miss events while disconnected: reminders and live feeds. Access rules may have changed
 * meanwhile, so whoever listens to them is told once signals arrive again. A cluster's client does not say when that is.
 */
export class Signals {
  readonly lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly rotationDue = new Listeners<Parameters<RotationDueListener>>()
  readonly published = new Listeners<Parameters<PublishedListener>>()
  readonly access = new Listeners<Parameters<AccessListener>>()
  readonly #connection: RedisConnection
  readonly #channel: string
  readonly #origin = randomUUID()
  readonly #hear = (channel: string, message: string) => {
    if (channel === this.#channel) this.#receive(message.split(' '))
  }

  /** Nothing is missed from the reply on. If there is none, the connection is lost again, and this is called again. */
  readonly #reconnected = () => {
    const subscribed = this.#connection.subscriber.subscribe(this.#channel)
    subscribed.then(() => this.access.tell()).catch(() => undefined)
  }

  constructor(connection: RedisConnection, channel: string) {
    this.#connection = connection
    this.#channel = channel
  }

  async start(): Promise<void> {
    this.#connection.subscriber.on('message', this.#hear)
    await this.#connection.within(this.#connection.subscriber.subscribe(this.#channel))
    this.#connection.subscriber.on('ready', this.#reconnected)
  }

  stop(): void {
    this.#connection.subscriber.off('message', this.#hear)
    this.#connection.subscriber.off('ready', this.#reconnected)
  }

  tellLowStock(author: Pubkey, remaining: number): void {
    this.lowStock.tell(author, remaining)
    this.#publish('low', author, String(remaining))
  }

  tellRotationDue(author: Pubkey, slot: KeyPackageRef): void {
    this.rotationDue.tell(author, slot)
    this.#publish('rotate', author, slot)
  }

  tellPublished(author: Pubkey, id: EventId): void {
    this.published.tell(author, id)
    this.#publish('published', author, id)
  }

  tellAccessChanged(): void {
    this.access.tell()
    this.#publish('access')
  }

  #publish(...words: readonly string[]): void {
    const message = [this.#origin, ...words].join(' ')
    this.#connection.client.publish(this.#channel, message).catch(() => undefined)
  }

  #receive([origin, what, author = '', value = '']: readonly string[]): void {
    if (origin === this.#origin) return
    if (what === 'low') this.lowStock.tell(author as Pubkey, Number(value))
    if (what === 'rotate') this.rotationDue.tell(author as Pubkey, value)
    if (what === 'published') this.published.tell(author as Pubkey, value as EventId)
    if (what === 'access') this.access.tell()
  }
}
