/** The state of one author while changes are decided one after the other, and the commands that write the result. */

import { timesOf } from '../../../plugin/stock/deletions.ts'
import { isFresh } from '../../../plugin/stock/selection.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import type { KeptWindow } from '../../../plugin/stock/windows.ts'
import type { KnownName, StoredKeyPackage } from '../../../plugin/store.ts'
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
import { decodeWindow, encodeWindow, WINDOW_SLACK } from './windows.ts'

/** What a decision needs of an author besides the stock. */
export interface Needs {
  /** Keys of windows. */
  readonly windows?: readonly string[]
  /** Names of packages. */
  readonly names?: readonly string[]
  /** Find the first name that expires after this time, in seconds since the epoch. */
  readonly namesAfter?: number
  /** Whether lists of whom the author follows are kept. */
  readonly followed?: 'exists'
}

/** How many seconds an author is kept beyond the last expiry, because `now` is not the server's clock. */
const SLACK = 3600

/** The commands that read the stock and the other needs. */
export function readsOf(keys: AuthorKeys, needs: readonly Needs[]): KeyedCommand[] {
  const windows = new Set(needs.flatMap((each) => each.windows ?? []))
  const names = new Set(needs.flatMap((each) => each.names ?? []))
  const times = new Set(needs.flatMap(({ namesAfter }) => namesAfter ?? []))
  const asksForFollowed = needs.some(({ followed }) => followed !== undefined)
  return [
    ['HMGET', keys.stock, ...STOCK_FIELDS],
    ...[...windows].map((key): KeyedCommand => ['GET', key]),
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
  readonly #keys: AuthorKeys
  readonly #read: ReadStock
  readonly #windows = new Map<string, KeptWindow | undefined>()
  readonly #names = new Map<string, number | undefined>()
  readonly #firstNames = new Map<number, number>()
  readonly #newWindows = new Map<string, KeyedCommand>()
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
    for (const [index, command] of reads.entries()) this.#learn(command, answers[index])
  }

  /** Undefined if there is no stock. */
  get version(): string | undefined {
    return this.#read.fields?.version
  }

  /** Whether anything must be written. */
  get isChanged(): boolean {
    return (
      this.stock !== this.#read.stock ||
      this.#newWindows.size > 0 ||
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

  /** Whether there are deliveries now and were none before, so that a sweep must remove them later. */
  get isDue(): boolean {
    return !this.#read.stock?.deliveries.length && (this.stock?.deliveries.length ?? 0) > 0
  }

  window(key: string): KeptWindow | undefined {
    return this.#windows.get(key)
  }

  /**
   * @param window undefined if it is empty
   * @param seconds how long it matters
   */
  keepWindow(key: string, window: KeptWindow | undefined, seconds: number): void {
    this.#windows.set(key, window)
    this.#newWindows.set(
      key,
      window === undefined ? ['DEL', key] : ['SET', key, encodeWindow(window), 'EX', seconds + WINDOW_SLACK],
    )
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
    if (this.stock === undefined) {
      const gone = [stock, known].map((key): KeyedCommand => ['UNLINK', key])
      return [...fetching, ...this.#newWindows.values(), ...gone]
    }
    const rows = rowsOf(this.stock)
    const keptUntil = this.#keptUntil(this.stock)
    const newNames = [...this.#newNames].map(([name, expiresAt]) => [expiresAt, name])
    const isKeptLonger = keptUntil > this.#read.keptUntil || newNames.length > 0
    const lasting = isKeptLonger ? [stock, known] : []
    return [
      ...fetching,
      ...inPieces('HSET', stock, this.#changedFields(this.stock, keptUntil, rows)),
      ...inPieces('ZADD', known, newNames),
      ...lasting.map((key): KeyedCommand => ['EXPIRE', key, Math.max(0, keptUntil - now) + SLACK]),
      ...this.#newWindows.values(),
      ...this.#removals(rows),
    ]
  }

  #changedFields(
    stock: Stock<RowedPackage>,
    keptUntil: number,
    rows: ReadonlySet<string>,
  ): (readonly [string, string])[] {
    const before = this.#read.fields
    const fields = encodeStock(stock, keptUntil)
    const changed = STOCK_FIELDS.filter((name) => fields[name] !== before?.[name])
    const newRows = [...this.#newRows].filter(([row]) => rows.has(row))
    return [...changed.map((name) => [name, fields[name]] as const), ...newRows]
  }

  #removals(rows: ReadonlySet<string>): KeyedCommand[] {
    const { stock, known } = this.#keys
    const gone = [...rowsOf(this.#read.stock)].filter((row) => !rows.has(row))
    const forgetting = inPieces(
      'HDEL',
      stock,
      gone.map((row) => [row]),
    )
    forgetting.push(
      ...inPieces(
        'ZREM',
        known,
        [...this.#goneNames].map((name) => [name]),
      ),
    )
    if (this.#followed === 'forgotten') forgetting.push(['HDEL', stock, ...FOLLOWED_FIELDS])
    if (this.#namesOverBy === undefined) return forgetting
    return [...forgetting, ['ZREMRANGEBYSCORE', known, '-inf', this.#namesOverBy]]
  }

  #keptUntil({ deliveries, deletions }: Stock<RowedPackage>): number {
    const times = [
      ...this.#newNames.values(),
      ...deliveries.map(({ keptUntil }) => keptUntil),
      ...(deletions === undefined ? [] : timesOf(deletions)),
    ]
    return times.reduce((a, b) => Math.max(a, b), this.#read.keptUntil)
  }

  #learn([command, key, ...words]: KeyedCommand, answer: unknown): void {
    if (command === 'GET') this.#windows.set(key, decodeWindow(answer as string | null))
    if (command === 'HEXISTS' && answer === 1) this.#followed = 'kept'
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
