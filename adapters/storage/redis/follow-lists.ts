/**
 * Keeps whom an author follows in the hash of their stock (layout.ts), which is there for as long as they have packages. The
 * field `followed` says what is known of the lists, as JSON, and `followed:KIND` has the digests of each.
 */

import {
  FOLLOW_LIST_KINDS,
  type Following,
  type FollowList,
  type FollowListDeletion,
  type FollowListOutcome,
} from '../../../plugin/lifecycle/follow-list.ts'
import {
  deleteFollowLists,
  digestOf,
  type FollowingAuthor,
  type KnownFollowLists,
  offerFollowList,
} from '../../../plugin/lifecycle/known-follow-lists.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { type Deletions, StoreError } from '../../../plugin/store.ts'
import { Commits, type KeyedCommand } from './commits.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { newVersion, storedSize } from './layout.ts'
import type { Scripts } from './scripts.ts'

/** What is known of the lists, without the digests. */
export const FOLLOWED = 'followed'
/** All fields that a hash may have for its author's lists. */
export const FOLLOWED_FIELDS = [FOLLOWED, ...FOLLOW_LIST_KINDS.map(digestsField)]

const READ_FIELDS = ['version', 'head', 'fresh', 'deletions', FOLLOWED]

interface Decision<Outcome> {
  readonly known: KnownFollowLists | undefined
  readonly outcome: Outcome
}

/** Decides on what is known, without the digests of other lists. */
type Decide<Outcome> = (
  known: KnownFollowLists | undefined,
  author: FollowingAuthor | undefined,
) => Decision<Outcome>

export class FollowLists {
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
  put(list: FollowList): Promise<FollowListOutcome> {
    return this.#change(list.author, (known, author) => offerFollowList(known, list, author))
  }

  /** @throws StoreError */
  async drop(author: Pubkey, deletion: FollowListDeletion): Promise<void> {
    await this.#change(author, (known, stock) => ({
      known: deleteFollowLists(known, deletion, stock),
      outcome: undefined,
    }))
  }

  /** @throws StoreError */
  async follows(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Following> {
    const { stock } = this.#keys.of(author)
    const known = decode((await this.#scripts.ask('hget', stock, FOLLOWED)) as string | null)
    const fields = Object.keys(known?.lists ?? {}).map((kind) => digestsField(Number(kind)))
    if (known === undefined || fields.length === 0) return 'unknown'
    const digests = pubkeys.map((pubkey) => digestOf(known.secret, pubkey))
    const found = await this.#scripts.run('follows', [stock], [fields.length, ...fields, ...digests])
    return found === 1 ? 'followed' : 'not followed'
  }

  async #change<Outcome>(author: Pubkey, decide: Decide<Outcome>): Promise<Outcome> {
    const { stock } = this.#keys.of(author)
    const changing = this.#commits.change(stock, [['HMGET', stock, ...READ_FIELDS]], ([fields]) => {
      const [version = null, head = null, fresh = null, deletions, text] = fields as (string | null)[]
      const known = decode(text)
      const packages = { length: storedSize(head, fresh) }
      const decided = decide(known, version ? { packages, ...deletionsIn(deletions) } : undefined)
      if (decided.known === known) return { decided, version }
      return { decided, version, writes: encode(stock, known, decided.known) }
    })
    const decided = await this.#connection.within(changing)
    if (decided === undefined) throw new StoreError('Redis: too many concurrent changes of this author')
    return decided.outcome
  }
}

function digestsField(kind: number): string {
  return `${FOLLOWED}:${kind}`
}

function deletionsIn(text: string | null | undefined): { deletions?: Deletions } {
  return text ? { deletions: JSON.parse(text) as Deletions } : {}
}

function decode(text: string | null | undefined): KnownFollowLists | undefined {
  return text ? (JSON.parse(text) as KnownFollowLists) : undefined
}

/** The new version makes other changes of the author that are under way look again. */
function encode(
  stock: string,
  before: KnownFollowLists | undefined,
  after: KnownFollowLists | undefined,
): KeyedCommand[] {
  if (after === undefined) return [['HDEL', stock, ...FOLLOWED_FIELDS]]
  const lists = Object.entries(after.lists).map(([kind, { followed, ...list }]) => ({
    kind: Number(kind),
    followed,
    list,
  }))
  const changed = lists.filter(({ kind, list }) => before?.lists[kind]?.id !== list.id)
  const gone = Object.keys(before?.lists ?? {}).filter((kind) => after.lists[Number(kind)] === undefined)
  const known = { ...after, lists: Object.fromEntries(lists.map(({ kind, list }) => [kind, list])) }
  const texts = changed.flatMap(({ kind, followed }) => [digestsField(kind), followed])
  const removal: KeyedCommand[] =
    gone.length === 0 ? [] : [['HDEL', stock, ...gone.map((kind) => digestsField(Number(kind)))]]
  return [['HSET', stock, 'version', newVersion(), FOLLOWED, JSON.stringify(known), ...texts], ...removal]
}
