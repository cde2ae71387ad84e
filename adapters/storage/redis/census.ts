/** Reads an entire Redis store for an export, in small steps that do not block the server for long. */

import { everyKnownKind } from '../../../plugin/lifecycle/known-relay-lists.ts'
import { RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { AuthorRelayList, KnownName } from '../../../plugin/store.ts'
import { isCluster } from './clients.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { decodeRelayLists, relayListFields } from './relay-lists.ts'
import type { Scripts } from './scripts.ts'

/** How many keys a server visits per step. */
const STEP = 1000

export class Census {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
  }

  /** @throws StoreError */
  async *authors(): AsyncGenerator<Pubkey> {
    for await (const authors of this.#authorsWith('stock')) {
      // Of some only claim windows are left.
      const versions = await Promise.all(
        authors.map((author) => this.#scripts.ask('hget', this.#keys.of(author).stock, 'version')),
      )
      yield* authors.filter((_, index) => versions[index] !== null)
    }
  }

  /** @throws StoreError */
  async *authorsWithRelayLists(): AsyncGenerator<Pubkey> {
    for await (const authors of this.#authorsWith('relays')) yield* authors
  }

  /** @throws StoreError */
  async *relayLists(): AsyncGenerator<AuthorRelayList> {
    for await (const authors of this.#authorsWith('relays')) {
      for (const author of authors) {
        const fields = RELAY_LIST_KINDS.flatMap(relayListFields)
        const answer = await this.#scripts.ask('hmget', this.#keys.relayLists(author), ...fields)
        const lists = decodeRelayLists(author, RELAY_LIST_KINDS, answer)
        for (const known of everyKnownKind(lists)) yield { author, ...known }
      }
    }
  }

  /** @throws StoreError */
  async names(author: Pubkey, now: number): Promise<KnownName[]> {
    const names = new Map<string, number>()
    let cursor = '0'
    do {
      const step = await this.#scripts.ask('zscan', this.#keys.of(author).known, cursor, 'COUNT', STEP)
      const [next, members] = step as [next: string, members: string[]]
      for (let index = 0; index < members.length; index += 2) {
        names.set(members[index] ?? '', Number(members[index + 1]))
      }
      cursor = next
    } while (cursor !== '0')
    return [...names]
      .filter(([, expiresAt]) => expiresAt > now)
      .map(([name, expiresAt]) => ({ name: name as KnownName['name'], expiresAt }))
  }

  /** The authors who have a key with that name, on all masters of a cluster, some at a time. */
  async *#authorsWith(name: string): AsyncGenerator<Pubkey[]> {
    const { client } = this.#connection
    const { pattern, authorIn } = this.#keys.every(name)
    for (const node of isCluster(client) ? client.nodes('master') : [client]) {
      let cursor = '0'
      do {
        const step = node.scan(cursor, 'MATCH', pattern, 'COUNT', STEP)
        const [next, keys] = await this.#connection.within(step)
        yield keys.map(authorIn)
        cursor = next
      } while (cursor !== '0')
    }
  }
}
