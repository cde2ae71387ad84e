/** Stores relay lists (kind 10051), each in a hash that is changed by compare and set (commit.lua). */

import { deleteRelayList, type KnownRelayList, offerRelayList } from '../../../plugin/lifecycle/relay-list.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { StoreError } from '../../../plugin/store-error.ts'
import { Commits, type KeyedCommand } from './commits.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { newVersion } from './layout.ts'
import type { Scripts } from './scripts.ts'

/** More concurrent changes of one relay list than can be expected. */
const MAX_TRIES = 20

interface Decision<Outcome> {
  readonly known: KnownRelayList
  readonly outcome: Outcome
}

export class RelayLists {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  readonly #commits: Commits

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
    this.#commits = new Commits(scripts)
  }

  /** @throws StoreError */
  put(event: SignedEvent): Promise<'stored' | 'duplicate' | 'stale'> {
    return this.#change(event.pubkey, (known) => offerRelayList(known, event))
  }

  /** @throws StoreError */
  async drop(author: Pubkey, createdUntil: number): Promise<void> {
    await this.#change(author, (known) => ({
      known: deleteRelayList(known, createdUntil),
      outcome: undefined,
    }))
  }

  /** @throws StoreError */
  get(authors: readonly Pubkey[]): Promise<(SignedEvent | undefined)[]> {
    return Promise.all(
      authors.map(async (author) => {
        const text = await this.#scripts.ask('hget', this.#keys.relayList(author), 'event')
        return text === null ? undefined : decodeRelayList(author, `${text}`)
      }),
    )
  }

  async #change<Outcome>(
    author: Pubkey,
    decide: (known: KnownRelayList) => Decision<Outcome>,
  ): Promise<Outcome> {
    const decided = await this.#connection.within(this.#try(this.#keys.relayList(author), decide))
    if (decided === undefined) throw new StoreError('Redis: too many concurrent changes of this relay list')
    return decided.outcome
  }

  async #try<Outcome>(
    key: string,
    decide: (known: KnownRelayList) => Decision<Outcome>,
  ): Promise<Decision<Outcome> | undefined> {
    const reads: KeyedCommand[] = [['HMGET', key, 'version', 'event', 'deletedUntil']]
    let answers = await this.#commits.read(key, reads)
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { version, known } = decode(answers)
      const decided = decide(known)
      if (decided.known === known) return decided
      const committed = await this.#commits.commit(key, version, reads, encode(key, decided.known))
      if (committed.isDone) return decided
      answers = committed.answers
    }
    return undefined
  }
}

/** @throws StoreError if it is not an event of the author */
export function decodeRelayList(author: Pubkey, text: string): SignedEvent {
  const event = parse(text)
  if (event?.pubkey !== author) throw new StoreError('Redis: a relay list belongs to another author')
  return event
}

function parse(text: string): SignedEvent | undefined {
  try {
    return JSON.parse(text) as SignedEvent
  } catch {
    return undefined
  }
}

function decode([fields]: readonly unknown[]): { version: string | undefined; known: KnownRelayList } {
  const [version, event, deletedUntil] = fields as (string | null)[]
  const known = {
    ...(event && { event: JSON.parse(event) as SignedEvent }),
    ...(deletedUntil && { deletedUntil: Number(deletedUntil) }),
  }
  return { version: version ?? undefined, known }
}

function encode(key: string, { event, deletedUntil }: KnownRelayList): KeyedCommand[] {
  const fields = ['version', newVersion()]
  if (event !== undefined) fields.push('event', JSON.stringify(event))
  if (deletedUntil !== undefined) fields.push('deletedUntil', String(deletedUntil))
  const gone: KeyedCommand[] = event === undefined ? [['HDEL', key, 'event']] : []
  return [['HSET', key, ...fields], ...gone]
}
