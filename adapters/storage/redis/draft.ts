/** One author as read from Redis, while changes to it are decided one after the other; then the commands that keep them. */

import type { Stock } from '../../../plugin/stock/stock.ts'
import type { KeptWindow } from '../../../plugin/stock/windows.ts'
import type { KnownName, StoredKeyPackage } from '../../../plugin/store.ts'
import { inPieces, type KeyedCommand, type Snapshot } from './commits.ts'
import type { AuthorKeys } from './keys.ts'
import {
  decodeStock,
  encodeStock,
  firstVersion,
  type ReadStock,
  type RowedPackage,
  rowNamed,
} from './layout.ts'
import { encodeRow } from './row.ts'
import { decodeWindow, encodeWindow, WINDOW_SLACK } from './windows.ts'

/** What has to be known of an author beside the stock. */
export interface Needs {
  /** Keys of windows. */
  readonly windows?: readonly string[]
  /** Event ids and KeyPackageRefs. */
  readonly names?: readonly string[]
  /** The first name that is over after this, in seconds since the epoch. */
  readonly namesAfter?: number
}

/** How much longer than anything matters an author is kept, in seconds: `now` is not the server's clock. */
const SLACK = 3600

/** Commands that read what is needed. */
export function readsOf(keys: AuthorKeys, needs: readonly Needs[]): KeyedCommand[] {
  const windows = new Set(needs.flatMap((each) => each.windows ?? []))
  const names = new Set(needs.flatMap((each) => each.names ?? []))
  const times = new Set(needs.flatMap(({ namesAfter }) => (namesAfter === undefined ? [] : [namesAfter])))
  return [
    ...[...windows].map((key): KeyedCommand => ['GET', key]),
    ...inPieces(
      'ZMSCORE',
      keys.known,
      [...names].map((name) => [name]),
    ),
    ...[...times].map((time) => namesAfter(keys, time)),
  ]
}

function namesAfter({ known }: AuthorKeys, time: number): KeyedCommand {
  return ['ZRANGEBYSCORE', known, `(${time}`, '+inf', 'WITHSCORES', 'LIMIT', 0, 1]
}

export class Draft {
  stock: Stock<RowedPackage> | undefined
  readonly #keys: AuthorKeys
  readonly #read: ReadStock
  readonly #windows = new Map<string, KeptWindow | undefined>()
  readonly #names = new Map<string, number | undefined>()
  readonly #soonest = new Map<number, number | undefined>()
  readonly #keptWindows = new Map<string, number>()
  readonly #newNames = new Map<string, number>()
  readonly #newRows = new Map<string, string>()
  #version: number
  #overBefore: number | undefined

  /** @throws Error where what was read is not what a store writes */
  constructor(keys: AuthorKeys, { words, answers }: Snapshot, reads: readonly KeyedCommand[]) {
    this.#keys = keys
    this.#read = decodeStock(words)
    this.stock = this.#read.stock
    this.#version = this.#read.version === '' ? firstVersion() : Number(this.#read.version)
    for (const [index, command] of reads.entries()) this.#learn(command, answers[index])
  }

  get version(): string {
    return this.#read.version
  }

  window(key: string): KeptWindow | undefined {
    return this.#windows.get(key)
  }

  /** @param seconds how long it is of use */
  keepWindow(key: string, window: KeptWindow, seconds: number): void {
    this.#windows.set(key, window)
    this.#keptWindows.set(key, seconds + WINDOW_SLACK)
  }

  knownUntil(name: KnownName['name']): number | undefined {
    return this.#names.get(name)
  }

  remember(names: readonly KnownName[]): void {
    for (const { name, expiresAt } of names) {
      this.#names.set(name, expiresAt)
      this.#newNames.set(name, expiresAt)
    }
  }

  /** What is over by then need not be known any more. */
  forgetNames(now: number): void {
    this.#overBefore = Math.min(now, this.#overBefore ?? now)
  }

  /** When the first name is over of those that are not by now. */
  firstNameOver(now: number): number | undefined {
    const times = [...this.#newNames.values()].filter((time) => time > now)
    const read = this.#soonest.get(now)
    if (read !== undefined) times.push(read)
    return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b))
  }

  /** The package as the rules see it, with a row to be kept in. */
  rowed(pkg: StoredKeyPackage): RowedPackage {
    const { author: _author, event: _event, contentForm: _form, ...rest } = pkg
    const rowed = { ...rest, row: rowNamed(this.#nextVersion()) }
    this.#newRows.set(rowed.row, encodeRow(pkg))
    return rowed
  }

  /** Of a package that came in since the author was read. */
  newRow(row: string): string | undefined {
    return this.#newRows.get(row)
  }

  /** Whether there are deliveries to be forgotten one day, and were none. */
  get isDue(): boolean {
    return !this.#read.stock?.deliveries.length && (this.stock?.deliveries.length ?? 0) > 0
  }

  /** Whether anything has to be written. */
  get isChanged(): boolean {
    return (
      this.stock !== this.#read.stock ||
      this.#keptWindows.size > 0 ||
      this.#newNames.size > 0 ||
      this.#overBefore !== undefined
    )
  }

  /** What has to be written; what needs memory comes first. `answers` are then those of commands that fetch rows. */
  commands(
    rowsToFetch: readonly string[],
    now: number,
  ): { commands: KeyedCommand[]; fetched(answers: readonly unknown[]): (string | null)[] } {
    const { stock, events, known } = this.#keys
    const windows = [...this.#keptWindows].map(([key, seconds]): KeyedCommand => {
      const window = this.#windows.get(key)
      return ['SET', key, window === undefined ? '' : encodeWindow(window), 'EX', seconds]
    })
    if (this.stock === undefined) {
      const gone = [stock, events, known].map((key): KeyedCommand => ['UNLINK', key])
      return { commands: [...windows, ...gone], fetched: () => [] }
    }
    const first = this.#changedFields(this.stock)
    const fetching = inPieces(
      'HMGET',
      events,
      rowsToFetch.map((row) => [row]),
    )
    const rows = this.#rowsIn(this.stock)
    const newRows = [...this.#newRows].filter(([row]) => rows.has(row))
    const keptUntil = this.#keptUntil(this.stock)
    const isKeptLonger = keptUntil > this.#read.keptUntil || newRows.length > 0 || this.#newNames.size > 0
    const lasting = isKeptLonger ? [stock, events, known] : []
    const commands = [
      ...first,
      ...fetching,
      ...inPieces('HSET', events, newRows),
      ...inPieces(
        'ZADD',
        known,
        [...this.#newNames].map(([name, expiresAt]) => [expiresAt, name]),
      ),
      ...lasting.map((key): KeyedCommand => ['EXPIRE', key, Math.max(0, keptUntil - now) + SLACK]),
      ...windows,
      ...this.#removals(this.stock, rows),
    ]
    return {
      commands,
      fetched: (answers) =>
        answers.slice(first.length, first.length + fetching.length).flat() as (string | null)[],
    }
  }

  #nextVersion(): string {
    this.#version += 1
    return String(this.#version)
  }

  #changedFields(stock: Stock<RowedPackage>): KeyedCommand[] {
    const fields = encodeStock(stock, this.#keptUntil(stock), () => this.#nextVersion())
    this.#fieldsAfter = fields
    const changed = [...fields].filter(([name, value]) => this.#read.fields.get(name) !== value)
    return inPieces('HSET', this.#keys.stock, changed)
  }

  #fieldsAfter: ReadonlyMap<string, string> = new Map()

  #removals(_stock: Stock<RowedPackage>, rows: ReadonlySet<string>): KeyedCommand[] {
    const { stock, events, known } = this.#keys
    const fields = [...this.#read.fields.keys()].filter((name) => !this.#fieldsAfter.has(name))
    const before = this.#read.stock === undefined ? [] : [...this.#rowsIn(this.#read.stock)]
    const gone = before.filter((row) => !rows.has(row))
    return [
      ...inPieces(
        'HDEL',
        stock,
        fields.map((name) => [name]),
      ),
      ...inPieces(
        'HDEL',
        events,
        gone.map((row) => [row]),
      ),
      ...(this.#overBefore === undefined
        ? []
        : [['ZREMRANGEBYSCORE', known, '-inf', this.#overBefore] satisfies KeyedCommand]),
    ]
  }

  #rowsIn({ packages, deliveries }: Stock<RowedPackage>): Set<string> {
    return new Set([...packages, ...deliveries.flatMap(({ spent }) => spent)].map(({ row }) => row))
  }

  #keptUntil({ deliveries }: Stock<RowedPackage>): number {
    const times = [...this.#newNames.values(), ...deliveries.map(({ keptUntil }) => keptUntil)]
    return times.reduce((a, b) => Math.max(a, b), this.#read.keptUntil)
  }

  #learn([command, key, ...words]: KeyedCommand, answer: unknown): void {
    if (command === 'GET') this.#windows.set(key, decodeWindow(answer as string | null))
    if (command === 'ZMSCORE') {
      for (const [index, score] of (answer as (string | null)[]).entries())
        this.#names.set(String(words[index]), score === null ? undefined : Number(score))
    }
    if (command === 'ZRANGEBYSCORE') {
      const [, score] = answer as string[]
      this.#soonest.set(Number(String(words[0]).slice(1)), score === undefined ? undefined : Number(score))
    }
  }
}
