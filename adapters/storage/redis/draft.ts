/** The state of one author while changes are decided one after the other, and the commands that write the result. */

import { timesOf } from '../../../plugin/stock/deletions.ts'
import { isFresh } from '../../../plugin/stock/selection.ts'
import { EMPTY_STOCK, type Stock } from '../../../plugin/stock/stock.ts'
import type { KeptWindow } from '../../../plugin/stock/windows.ts'
import type { KnownName, StoredKeyPackage } from '../../../plugin/store.ts'
import { ClaimWindows } from './claim-windows.ts'
import { inPieces, type KeyedCommand } from './commits.ts'
import { FOLLOWED, FOLLOWED_FIELDS } from './follow-lists.ts'
import type { AuthorKeys } from './keys.ts'
import {
  decodeStock,
  encodeStock,
  type ReadStock,
  type RowedPackage,
  rowAfter,
  STOCK_FIELDS,
} from './layout.ts'
import { encodeRow } from './row.ts'
import type { Terms } from './terms.ts'
import { decodeWindow, encodeWindow, WINDOW_SLACK } from './windows.ts'

/** What a decision needs of an author besides the stock. */
export interface Needs {
  /** Fields of claim windows. */
  readonly windows?: readonly string[]
  /** The window of the author's publishing, or nothing. */
  readonly published?: 'window'
  /** Names of packages. */
  readonly names?: readonly string[]
  /** Find the first name that expires after this time, in seconds since the epoch. */
  readonly namesAfter?: number
  /** Whether lists of whom the author follows are kept. */
  readonly followed?: 'exists'
}

/**
 * How many seconds an author is kept beyond the last expiry, because `now` is not the server's clock; and a stock beyond its windows,
 * so that not every claim has to prolong it.
 */
const SLACK = 3600

/** The commands that read the stock and the other needs. */
export function readsOf(keys: AuthorKeys, needs: readonly Needs[]): KeyedCommand[] {
  const windows = new Set(needs.flatMap((each) => each.windows ?? []))
  const names = new Set(needs.flatMap((each) => each.names ?? []))
  const times = new Set(needs.flatMap(({ namesAfter }) => namesAfter ?? []))
  const asksForFollowed = needs.some(({ followed }) => followed !== undefined)
  return [
    ['HMGET', keys.stock, ...STOCK_FIELDS],
    ...inPieces(
      'HMGET',
      keys.stock,
      [...windows].map((field) => [field]),
    ),
    ...(needs.some(({ published }) => published) ? [['GET', keys.published] as const] : []),
    ...inPieces(
      'ZMSCORE',
      keys.known,
      [...names].map((name) => [name]),
    ),
    ...[...times].map(
      (time): KeyedCommand => ['ZRANGEBYSCORE', keys.known, `(${time}`, '+inf', 'WITHSCORES', 'LIMIT', 0, 1],
    ),
    ...(asksForFollowed ? [['HEXISTS', keys.stock, FOLLOWED] as const] : []),
  ]
}

export class Draft {
  stock: Stock<RowedPackage> | undefined
  /** Of the policy that the next claim is expected to have. */
  terms: Terms | undefined
  readonly windows = new ClaimWindows()
  readonly #keys: AuthorKeys
  readonly #read: ReadStock
  readonly #names = new Map<string, number | undefined>()
  readonly #firstNames = new Map<number, number>()
  #newPublished: KeyedCommand | undefined
  #published: KeptWindow | undefined
  #mustUnschedule = false
  readonly #newNames = new Map<string, number>()
  readonly #goneNames = new Set<string>()
  readonly #newRows = new Map<string, string>()
  #namesOverBy: number | undefined
  #lastRow: string | undefined
  #followed: 'none' | 'kept' | 'forgotten' = 'none'

  /** @param answers the replies to `reads`. @throws Error if the data cannot be decoded */
  constructor(keys: AuthorKeys, reads: readonly KeyedCommand[], answers: readonly unknown[]) {
    this.#keys = keys
    this.#read = decodeStock(answers[0] as (string | null)[])
    this.stock = this.#read.stock
    this.terms = this.#read.head?.terms
    for (const [index, command] of reads.entries()) if (index > 0) this.#learn(command, answers[index])
    if (this.#read.head?.isOld) this.windows.adopt(this.stock?.deliveries ?? [])
  }

  /** Undefined if there is no stock. */
  get version(): string | undefined {
    return this.#read.fields?.version
  }

  /** Whether anything must be written. */
  get isChanged(): boolean {
    return (
      this.stock !== this.#read.stock ||
      this.windows.isChanged ||
      this.#newPublished !== undefined ||
      this.#mustUnschedule ||
      this.#newNames.size > 0 ||
      this.#goneNames.size > 0 ||
      this.#namesOverBy !== undefined ||
      this.#followed === 'forgotten'
    )
  }

  /** Whether there is more than one fresh package. */
  get hasFresh(): boolean {
    return (this.stock?.packages.filter(isFresh).length ?? 0) > 1
  }

  /** Whether there are deliveries or windows now and were none before, so that a sweep must remove them later. */
  get isDue(): boolean {
    return (this.#read.head?.isUnscheduled ?? true) && !this.#isUnscheduled
  }

  /** Lets the next claim make a sweep visit the author, because this change leaves nothing that is due soon. */
  unschedule(): void {
    this.#mustUnschedule = this.#read.head?.isUnscheduled === false && !this.stock?.deliveries.length
  }

  /** The window of the author's publishing. */
  get published(): KeptWindow | undefined {
    return this.#published
  }

  /** @param seconds how long it matters */
  keepPublished(window: KeptWindow, seconds: number): void {
    this.#published = window
    const { published } = this.#keys
    this.#newPublished = ['SET', published, encodeWindow(window), 'EX', seconds + WINDOW_SLACK]
  }

  knownUntil(name: KnownName['name']): number | undefined {
    return this.#names.get(name)
  }

  remember(names: readonly KnownName[]): void {
    for (const { name, expiresAt } of names) {
      this.#names.set(name, expiresAt)
      this.#newNames.set(name, expiresAt)
      this.#goneNames.delete(name)
    }
  }

  forget(names: readonly KnownName['name'][]): void {
    for (const name of names) {
      this.#names.delete(name)
      this.#newNames.delete(name)
      this.#goneNames.add(name)
    }
  }

  /** Removes the names that have expired by then. */
  forgetExpired(now: number): void {
    this.#namesOverBy = Math.min(now, this.#namesOverBy ?? now)
  }

  /** Removes the lists of whom the author follows. */
  forgetFollowed(): void {
    if (this.#followed === 'kept') this.#followed = 'forgotten'
  }

  /** When the first of the names that are not expired now expires. */
  firstNameOver(now: number): number | undefined {
    const times = [...this.#newNames.values(), this.#firstNames.get(now) ?? now].filter((time) => time > now)
    return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b))
  }

  /** The package as the rules see it, with a new row. */
  rowed(pkg: StoredKeyPackage): RowedPackage {
    const { author: _author, event: _event, contentForm: _form, ...rest } = pkg
    this.#lastRow = rowAfter(this.#lastRow ?? lastOf(rowsOf(this.#read.stock)))
    const row = this.#lastRow
    this.#newRows.set(row, encodeRow(pkg))
    return { ...rest, row }
  }

  /** The text of a row that is not written yet. */
  newRow(row: string): string | undefined {
    return this.#newRows.get(row)
  }

  /** The commands that fetch rows, then the writes. Of the writes, those that need memory come first. */
  commands(rowsToFetch: readonly string[], now: number): KeyedCommand[] {
    const { stock, known } = this.#keys
    const fetching = inPieces(
      'HMGET',
      stock,
      rowsToFetch.map((row) => [row]),
    )
    if (!this.isChanged) return fetching
    const rows = rowsOf(this.stock)
    const keptUntil = this.#keptUntil()
    const newNames = [...this.#newNames].map(([name, expiresAt]) => [expiresAt, name])
    const isKeptLonger = keptUntil > this.#keptBefore || newNames.length > 0
    const lasting = isKeptLonger ? [stock, known] : []
    return [
      ...fetching,
      ...inPieces('HSET', stock, [...this.#changedFields(keptUntil, rows, now), ...this.windows.written]),
      ...inPieces('ZADD', known, newNames),
      ...lasting.map((key): KeyedCommand => ['EXPIRE', key, Math.max(0, keptUntil - now) + SLACK]),
      ...(this.#newPublished ? [this.#newPublished] : []),
      ...this.#removals(rows),
    ]
  }

  #changedFields(keptUntil: number, rows: ReadonlySet<string>, now: number): (readonly [string, string])[] {
    if (this.stock === undefined) return []
    const before = this.#read.fields
    const head = { keptUntil, isUnscheduled: this.#isUnscheduled, terms: this.terms, isOld: false }
    const fields = encodeStock(this.stock, head, now)
    const changed = STOCK_FIELDS.filter((name) => fields[name] !== before?.[name])
    const newRows = [...this.#newRows].filter(([row]) => rows.has(row))
    return [...changed.map((name) => [name, fields[name]] as const), ...newRows]
  }

  #removals(rows: ReadonlySet<string>): KeyedCommand[] {
    const { stock, known } = this.#keys
    const gone = [...rowsOf(this.#read.stock)].filter((row) => !rows.has(row))
    const fields = this.stock === undefined ? STOCK_FIELDS : []
    const forgetting = inPieces(
      'HDEL',
      stock,
      [...gone, ...this.windows.removed, ...fields].map((field) => [field]),
    )
    if (this.#followed === 'forgotten') forgetting.push(['HDEL', stock, ...FOLLOWED_FIELDS])
    if (this.stock === undefined) {
      if (this.#read.stock === undefined) return forgetting
      // The claim windows stay (I5).
      const seconds = (this.terms?.stockSeconds ?? 0) + SLACK
      return [...forgetting, ['EXPIRE', stock, seconds], ['UNLINK', known]]
    }
    forgetting.push(
      ...inPieces(
        'ZREM',
        known,
        [...this.#goneNames].map((name) => [name]),
      ),
    )
    if (this.#namesOverBy === undefined) return forgetting
    return [...forgetting, ['ZREMRANGEBYSCORE', known, '-inf', this.#namesOverBy]]
  }

  #keptUntil(): number {
    const { deliveries, deletions } = this.stock ?? EMPTY_STOCK
    const times = [
      ...this.#newNames.values(),
      ...deliveries.map(({ keptUntil }) => keptUntil),
      ...(deletions === undefined ? [] : timesOf(deletions)),
    ]
    const keptUntil = times.reduce((a, b) => Math.max(a, b), this.#keptBefore)
    const { writtenUntil } = this.windows
    return writtenUntil > keptUntil ? writtenUntil + SLACK : keptUntil
  }

  get #keptBefore(): number {
    return this.#read.head?.keptUntil ?? 0
  }

  get #isUnscheduled(): boolean {
    return !this.stock?.deliveries.length && !this.windows.isChanged
  }

  #learn([command, , ...words]: KeyedCommand, answer: unknown): void {
    if (command === 'GET') this.#published = decodeWindow(answer as string | null)
    if (command === 'HEXISTS' && answer === 1) this.#followed = 'kept'
    if (command === 'HMGET') {
      for (const [index, text] of (answer as (string | null)[]).entries())
        this.windows.learn(String(words[index]), text)
    }
    if (command === 'ZMSCORE') {
      for (const [index, score] of (answer as (string | null)[]).entries())
        if (score !== null) this.#names.set(String(words[index]), Number(score))
    }
    if (command === 'ZRANGEBYSCORE') {
      const [, score] = answer as string[]
      if (score !== undefined) this.#firstNames.set(Number(String(words[0]).slice(1)), Number(score))
    }
  }
}

/** The rows of the packages in a stock, and of those that a release would bring back. */
function rowsOf(stock: Stock<RowedPackage> | undefined): Set<string> {
  if (stock === undefined) return new Set()
  const spent = stock.deliveries.flatMap((delivery) => delivery.spent)
  return new Set([...stock.packages, ...spent].map(({ row }) => row))
}

/** The last row name; all have the same length. */
function lastOf(rows: ReadonlySet<string>): string {
  return [...rows].reduce((a, b) => (a > b ? a : b), '')
}
