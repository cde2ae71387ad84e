/**
 * Changes authors by compare and set: an author is read, all waiting changes are decided in memory and committed together.
 * If another client has changed the author in the meantime, they are decided again on the new state.
 */

import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { Listeners } from '../../../plugin/listeners.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { removalsOf } from '../../../plugin/stock/bookkeeping.ts'
import { type RemovedListener, StoreError } from '../../../plugin/store.ts'
import { Commits, type KeyedCommand } from './commits.ts'
import type { RedisConnection } from './connection.ts'
import { DecisionTurns } from './decision-turns.ts'
import type { Change, Decision } from './decisions.ts'
import { Draft, type Needs, readsOf } from './draft.ts'
import type { AuthorKeys, Keys } from './keys.ts'
import type { Scripts } from './scripts.ts'
import type { Terms } from './terms.ts'

/** Maximum number of changes per commit, so that it does not block the server for long. */
const MAX_BATCH = 500
/** A change that keeps losing the race gives up after this long, in time to report it (I7). */
const GIVE_UP_MS = 1_500
const MAX_PAUSE_MS = 16

/** The outcome of a change, and the rows of the packages it delivers (null if missing). */
export interface Made<Outcome> {
  readonly outcome: Outcome
  readonly rows: readonly (string | null)[]
}

interface Waiting {
  readonly change: Change<unknown>
  readonly since: number
  /** The caller has been told that it failed. */
  isOver: boolean
  resolve(made: Made<unknown> | typeof OUTRUN | undefined): void
  reject(error: unknown): void
}

const OUTRUN = Symbol('outrun')

/** The waiting changes of one author, and what the fast path has read of the author. */
interface Queue {
  readonly waiting: Waiting[]
  readonly windows: Map<string, string | null>
  fields: readonly (string | null)[] | undefined
  isBusy: boolean
}

/** What the fast path has read of an author; `fields` is undefined if an earlier claim returned them. */
export interface Seen {
  readonly fields: readonly (string | null)[] | undefined
  readonly windows: readonly (readonly [field: string, text: string | null])[]
}

export class Changes {
  readonly removed = new Listeners<Parameters<RemovedListener>>()
  /** Of the newest claim in this process: stocks are prepared for the next one under the same. Undefined before the first. */
  terms: Terms | undefined
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #commits: Commits
  readonly #queues = new Map<Pubkey, Queue>()
  readonly #turns = new DecisionTurns()

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#keys = keys
    this.#commits = new Commits(scripts)
  }

  get isAnyBusy(): boolean {
    return this.#queues.size > 0
  }

  /** Whether changes of this author are pending; new ones should wait too. */
  isBusy(author: Pubkey): boolean {
    return this.#queues.has(author)
  }

  /** @throws StoreError within two seconds (I7) */
  async make<Outcome>(author: Pubkey, change: Change<Outcome>): Promise<Outcome> {
    const made = await this.try(author, change)
    if (made === undefined) throw new StoreError('Redis: a change was not committed')
    return made.outcome
  }

  /**
   * The same; undefined if the change `mayBeFast` and should try the fast path again.
   * @throws StoreError
   */
  async try<Outcome>(
    author: Pubkey,
    change: Change<Outcome>,
    seen?: Seen,
  ): Promise<Made<Outcome> | undefined> {
    const known = seen === undefined || this.isBusy(author) ? undefined : this.#ofNobody(author, change, seen)
    if (known !== undefined) return known
    const queue = this.#queueOf(author)
    if (seen !== undefined) see(queue, seen)
    let waiting: Waiting | undefined
    const made = new Promise<Made<unknown> | typeof OUTRUN | undefined>((resolve, reject) => {
      waiting = { change, since: performance.now(), isOver: false, resolve, reject }
      queue.waiting.push(waiting)
    })
    try {
      const answer = await this.#connection.within(made)
      if (answer === OUTRUN) throw new StoreError('Redis: too many concurrent changes of this author')
      return answer as Made<Outcome> | undefined
    } finally {
      if (waiting !== undefined) waiting.isOver = true
    }
  }

  /**
   * What comes out where the author has no stock, as most who are asked for all at once; undefined if they have one, or something would
   * change.
   */
  #ofNobody<Outcome>(author: Pubkey, change: Change<Outcome>, seen: Seen): Made<Outcome> | undefined {
    if (seen.fields === undefined || seen.fields.some((text) => text !== null)) return undefined
    const keys = this.#keys.of(author)
    const reads = readsOf(keys, [change.needs])
    const answers = seenBy({ fields: seen.fields, windows: new Map(seen.windows) }, reads)
    if (answers === undefined) return undefined
    const draft = new Draft(keys, reads, answers)
    const { outcome } = change.decide(draft)
    return draft.isChanged ? undefined : { outcome, rows: [] }
  }

  /** Makes the next sweep visit the author. */
  mark(author: Pubkey, now: number): void {
    this.#connection.client.zadd(this.#keys.due(author), now, author).catch(() => undefined)
  }

  #queueOf(author: Pubkey): Queue {
    const known = this.#queues.get(author)
    if (known !== undefined) return known
    const queue: Queue = { waiting: [], windows: new Map(), fields: undefined, isBusy: false }
    this.#queues.set(author, queue)
    void this.#work(author, queue)
    return queue
  }

  async #work(author: Pubkey, queue: Queue): Promise<void> {
    // Collects the changes of this event loop turn.
    await nextTurn()
    queue.isBusy = true
    const keys = this.#keys.of(author)
    let batch: Waiting[] = []
    try {
      while (queue.waiting.length > 0) {
        batch = queue.waiting.splice(0, MAX_BATCH).filter(isWaiting)
        if (batch.length === 0) continue
        const isOpen = await this.#settle(author, keys, batch, queue)
        if (isOpen) sendBack(queue)
      }
    } catch (error) {
      // The server does not answer, so waiting changes fail too. They were not sent.
      for (const { reject } of [...batch, ...queue.waiting.splice(0)]) reject(error)
    } finally {
      this.#queues.delete(author)
    }
  }

  /** Resolves to whether the fast path may work now. */
  async #settle(author: Pubkey, keys: AuthorKeys, all: readonly Waiting[], queue: Queue): Promise<boolean> {
    let batch = all
    const reads = readsOf(keys, needsOf(batch))
    let answers = seenBy(queue, reads) ?? (await this.#commits.read(keys.stock, reads))
    queue.fields = undefined
    for (let attempt = 0; batch.length > 0; attempt++) {
      await this.#turns.next()
      const draft = new Draft(keys, reads, answers)
      draft.terms = this.terms ?? draft.terms
      const decided = batch.map(({ change }) => change.decide(draft))
      const wanted = new Set(decided.flatMap(({ delivered = [] }) => delivered.map(({ row }) => row)))
      const rows = [...wanted].filter((row) => draft.newRow(row) === undefined)
      if (!draft.isChanged && rows.length === 0) {
        this.#tell(author, batch, decided, () => null)
        return draft.hasFresh
      }
      const now = Math.min(...batch.map(({ change }) => change.now))
      const committing = this.#commits.commit(keys.stock, draft.version, reads, draft.commands(rows, now))
      if (draft.isDue || batch.some(({ change }) => change.isDue)) this.mark(author, now)
      const committed = await committing
      if (committed.isDone) {
        const fetched = fetchedRows(rows, committed.answers)
        this.#tell(author, batch, decided, (row) => draft.newRow(row) ?? fetched.get(row) ?? null)
        return draft.hasFresh
      }
      answers = committed.answers
      await backOff(attempt)
      batch = inTimeOf(batch)
    }
    return false
  }

  #tell(
    author: Pubkey,
    batch: readonly Waiting[],
    decided: readonly Decision<unknown>[],
    textOf: (row: string) => string | null,
  ): void {
    for (const [index, { outcome, removed, delivered = [] }] of decided.entries()) {
      if (removed.length > 0) this.removed.tell(removalsOf(author, removed))
      const rows = delivered.map(({ row }) => textOf(row))
      batch[index]?.resolve({ outcome, rows })
    }
  }
}

function see(queue: Queue, { fields, windows }: Seen): void {
  if (queue.isBusy) return
  if (fields !== undefined) {
    queue.fields = fields
    queue.windows.clear()
  }
  for (const [field, text] of windows) queue.windows.set(field, text)
}

/** What the fast path has read, if that answers all of `reads`. */
function seenBy(
  { fields, windows }: Pick<Queue, 'fields' | 'windows'>,
  reads: readonly KeyedCommand[],
): unknown[] | undefined {
  if (fields === undefined) return undefined
  const answers: unknown[] = [fields]
  for (const [command, , ...names] of reads.slice(1)) {
    const texts = command === 'HMGET' ? names.map((name) => windows.get(String(name))) : [undefined]
    if (texts.includes(undefined)) return undefined
    answers.push(texts)
  }
  return answers
}

/** The replies to the commands that fetch rows come first. */
function fetchedRows(rows: readonly string[], answers: readonly unknown[]): Map<string, string | null> {
  const texts = answers.filter(Array.isArray).flat() as (string | null)[]
  return new Map(rows.map((row, index) => [row, texts[index] ?? null]))
}

function sendBack({ waiting }: Queue): void {
  const others = waiting.filter(({ change }) => !change.mayBeFast)
  for (const { change, resolve } of waiting.splice(0)) if (change.mayBeFast) resolve(undefined)
  waiting.push(...others)
}

function needsOf(batch: readonly Waiting[]): Needs[] {
  return batch.map(({ change }) => change.needs)
}

function isWaiting({ isOver, change }: Waiting): boolean {
  return !isOver && !change.isAbandoned?.()
}

/** The changes that can still be answered in time; rejects the others. */
function inTimeOf(batch: readonly Waiting[]): Waiting[] {
  const oldest = performance.now() - GIVE_UP_MS
  for (const { since, resolve } of batch) if (since <= oldest) resolve(OUTRUN)
  return batch.filter((waiting) => waiting.since > oldest && isWaiting(waiting))
}

/** The first retry is immediate, because the other client is done; later ones use exponential backoff with jitter. */
async function backOff(attempt: number): Promise<void> {
  if (attempt > 0) await pause(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS))
}
