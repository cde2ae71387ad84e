/**
 * Stores an author's relay lists in one hash that is changed by compare and set (commit.lua). Kind 10051 came first: its
 * fields are `event` and `deletedUntil`, those of another kind `event:KIND` and `deletedUntil:KIND`. `keptUntil` is about all.
 */

import {
  deleteRelayLists,
  type KnownRelayLists,
  knownOfKind,
  offerRelayList,
  type RelayListOutcome,
  relayListsDueAt,
  relayListsIn,
  sweepRelayLists,
  withKnown,
} from '../../../plugin/lifecycle/known-relay-lists.ts'
import { RELAY_LIST_KIND, RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { counted } from '../../../plugin/stock/bookkeeping.ts'
import { StoreError } from '../../../plugin/store.ts'
import { Commits, type KeyedCommand } from './commits.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { decodeStock, newVersion, STOCK_FIELDS } from './layout.ts'
import type { Scripts } from './scripts.ts'
import { together } from './together.ts'

interface Decision<Outcome> {
  /** Undefined if nothing is left to keep. */
  readonly lists: KnownRelayLists | undefined
  readonly outcome: Outcome
  /** When a sweep must look at them; undefined if the caller says that. */
  readonly dueAt?: number
}

/** A change to an author's lists. */
interface Change<Outcome> {
  readonly author: Pubkey
  readonly decide: (lists: KnownRelayLists, read: Read) => Decision<Outcome>
  /** What else is read. */
  readonly reads?: readonly KeyedCommand[]
}

interface Read {
  /** Whether anything is known of the author's lists, of whichever kind. */
  readonly isKnown: boolean
  /** The replies to `reads`. */
  readonly answers: readonly unknown[]
}

export class RelayLists {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #commits: Commits

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#keys = keys
    this.#commits = new Commits(scripts)
  }

  /** @throws StoreError */
  put(event: SignedEvent, now: number, newAuthors: 'report' | undefined): Promise<RelayListOutcome> {
    const decide = (known: KnownRelayLists, { isKnown }: Read) => {
      const { lists, outcome } = offerRelayList(known, event, now, isKnown ? undefined : newAuthors)
      return { lists, outcome, dueAt: relayListsDueAt(lists, now) }
    }
    return this.#change({ author: event.pubkey, decide })
  }

  /** @throws StoreError */
  drop(author: Pubkey, kinds: readonly number[], createdUntil: number): Promise<void> {
    const decide = (known: KnownRelayLists) => {
      const lists = deleteRelayLists(known, kinds, createdUntil)
      return { lists, outcome: undefined, dueAt: relayListsDueAt(lists, createdUntil) }
    }
    return this.#change({ author, decide })
  }

  /** Resolves to when to look at them again; undefined if nothing is left. @throws StoreError */
  sweep(author: Pubkey, now: number): Promise<number | undefined> {
    const { stock } = this.#keys.of(author)
    const decide = (known: KnownRelayLists, { answers: [fields] }: Read) => {
      const packages = counted(decodeStock(fields as (string | null)[]).stock, now) ?? 0
      const { lists, dueAt } = sweepRelayLists(known, packages, now)
      return { lists, outcome: lists && dueAt }
    }
    const reads: KeyedCommand[] = [['HMGET', stock, ...STOCK_FIELDS]]
    return this.#change({ author, decide, reads })
  }

  /** @throws StoreError */
  async get(authors: readonly Pubkey[], kinds: readonly number[]): Promise<SignedEvent[]> {
    const fields = kinds.flatMap(relayListFields)
    if (fields.length === 0) return []
    const groups = together(this.#connection, authors)
    return (await Promise.all(groups.map((some) => this.#getSome(some, kinds, fields)))).flat()
  }

  async #getSome(
    authors: readonly Pubkey[],
    kinds: readonly number[],
    fields: readonly string[],
  ): Promise<SignedEvent[]> {
    const keys = authors.map((author) => this.#keys.relayLists(author))
    const reads = keys.map((key): KeyedCommand => ['HMGET', key, ...fields])
    const answers = await this.#connection.within(this.#commits.read(keys[0] ?? '', reads))
    return authors.flatMap((author, index) =>
      relayListsIn(decodeRelayLists(author, kinds, answers[index]), kinds),
    )
  }

  async #change<Outcome>({ author, decide, reads = [] }: Change<Outcome>): Promise<Outcome> {
    const key = this.#keys.relayLists(author)
    const fields = ['version', 'keptUntil', ...RELAY_LIST_KINDS.flatMap(relayListFields)]
    const changing = this.#commits.change(key, [['HMGET', key, ...fields], ...reads], (answers) => {
      const [[version = null, keptUntil = null, ...texts], ...others] = answers as [(string | null)[]]
      const listed = decodeRelayLists(author, RELAY_LIST_KINDS, texts)
      const lists = keptUntil === null ? listed : { ...listed, keptUntil: Number(keptUntil) }
      const decided = decide(lists, { isKnown: version !== null, answers: others })
      if (decided.lists === lists) return { decided, version }
      if (decided.dueAt !== undefined) this.#mark(author, decided.dueAt)
      return { decided, version, writes: encode(key, decided.lists) }
    })
    const decided = await this.#connection.within(changing)
    if (decided === undefined)
      throw new StoreError("Redis: too many concurrent changes of this author's relay lists")
    return decided.outcome
  }

  /** Makes a sweep look at the author's lists. */
  #mark(author: Pubkey, dueAt: number): void {
    this.#connection.client.zadd(this.#keys.listsDue(author), dueAt, author).catch(() => undefined)
  }
}

/** The fields of a relay list of that kind: its event, and until when it is deleted. */
export function relayListFields(kind: number): [event: string, deletedUntil: string] {
  const suffix = kind === RELAY_LIST_KIND ? '' : `:${kind}`
  return [`event${suffix}`, `deletedUntil${suffix}`]
}

/**
 * @param fields the reply to HMGET with the `relayListFields` of the kinds, in order
 * @throws StoreError if an event is not the author's, or not of its kind
 */
export function decodeRelayLists(author: Pubkey, kinds: readonly number[], fields: unknown): KnownRelayLists {
  const texts = fields as (string | null)[]
  let lists: KnownRelayLists = {}
  for (const [index, kind] of kinds.entries()) {
    const [text, deletedUntil] = texts.slice(2 * index)
    if (!text && !deletedUntil) continue
    lists = withKnown(lists, kind, {
      ...(text && { event: decodeEvent(author, kind, text) }),
      ...(deletedUntil && { deletedUntil: Number(deletedUntil) }),
    })
  }
  return lists
}

function decodeEvent(author: Pubkey, kind: number, text: string): SignedEvent {
  const event = parse(text)
  if (event?.pubkey !== author || event.kind !== kind)
    throw new StoreError('Redis: a relay list belongs to another author')
  return event
}

function parse(text: string): SignedEvent | undefined {
  try {
    return JSON.parse(text) as SignedEvent
  } catch {
    return undefined
  }
}

function encode(key: string, lists: KnownRelayLists | undefined): KeyedCommand[] {
  if (lists === undefined) return [['UNLINK', key]]
  const kept = ['version', newVersion()]
  if (lists.keptUntil !== undefined) kept.push('keptUntil', String(lists.keptUntil))
  const gone: string[] = []
  for (const kind of RELAY_LIST_KINDS) {
    const { event, deletedUntil } = knownOfKind(lists, kind)
    const [eventField, deletedField] = relayListFields(kind)
    if (event === undefined) gone.push(eventField)
    else kept.push(eventField, JSON.stringify(event))
    if (deletedUntil === undefined) gone.push(deletedField)
    else kept.push(deletedField, String(deletedUntil))
  }
  const deletion: KeyedCommand[] = gone.length === 0 ? [] : [['HDEL', key, ...gone]]
  return [['HSET', key, ...kept], ...deletion]
}
