/**
 * How an author's stock lies in Redis: a hash with these fields, and one for each package with its event (row.ts). The fast
 * path of claims (claim.lua) reads `head`, and reads and writes the three before it.
 *
 * - `version`: a text that every change replaces by one that no other change gives.
 * - `fresh`: the rows of the fresh one-time packages, in the order in which claims take them.
 * - `taken`: the deliveries that the fast path has made since the last other change.
 * - `head`: what tells the fast path whether it may, as numbers of a fixed length: when the first package expires; since when
 *   the first is exposed that is; until when the hash is kept; how many packages are not fresh; how many of those are slots;
 *   1 where no delivery was kept.
 * - `packages`: all packages but for their events, as JSON, also those that a release may bring back.
 * - `deliveries`: a line for each, oldest first: when it was; until when it is kept; how often it was sent; the rows that it
 *   spent; the last package, or `-`; the requester.
 */

import { randomBytes } from 'node:crypto'
import type { EventId } from '../../../plugin/nostr/messages.ts'
import type { Delivery } from '../../../plugin/stock/deliveries.ts'
import { freshInOrder, isFresh, isSlot } from '../../../plugin/stock/selection.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import type { StockedPackage } from '../../../plugin/store.ts'

/** A package, and the name of its row. */
export interface RowedPackage extends StockedPackage {
  readonly row: string
}

/** All fields but for rows, as claim.lua reads them too. */
export const STOCK_FIELDS = ['version', 'head', 'fresh', 'taken', 'packages', 'deliveries'] as const

type Fields = Record<(typeof STOCK_FIELDS)[number], string>

/** A stock as it was read. */
export interface ReadStock {
  /** Undefined of an author of whom there is none. */
  readonly fields: Fields | undefined
  readonly stock: Stock<RowedPackage> | undefined
  /** Until when the hash is kept, in seconds since the epoch. */
  readonly keptUntil: number
}

/** Where a package is: among the fresh ones unless the fast path has spent it since; in the stock; only in deliveries. */
type Place = 'fresh' | 'stock' | 'spent'
type Entry = readonly [place: Place, pkg: RowedPackage]

/** A colon, which no other field begins with, and a number to the base 36. */
const ROW_LENGTH = 6
const TIME = 11
const COUNT = 5
/** Larger than any time. */
const NEVER = 10 ** TIME - 1

/** @param values of `STOCK_FIELDS`. @throws Error where they are not what `encodeStock` and claim.lua write */
export function decodeStock(values: readonly (string | null)[]): ReadStock {
  if (values.every((value) => value === null)) return { fields: undefined, stock: undefined, keptUntil: 0 }
  try {
    return decode(values)
  } catch (cause) {
    throw new Error('WRONGTYPE what is kept of an author cannot be read', { cause })
  }
}

function decode(values: readonly (string | null)[]): ReadStock {
  const fields = Object.fromEntries(
    STOCK_FIELDS.map((name, index) => [name, present(values[index])]),
  ) as Fields
  const entries = JSON.parse(fields.packages) as Entry[]
  const fresh = new Set(rowsIn(fields.fresh))
  const byRow = new Map(entries.map(([, pkg]) => [pkg.row, pkg]))
  const packages = entries
    .filter(([place, { row }]) => place === 'stock' || (place === 'fresh' && fresh.has(row)))
    .map(([, pkg]) => pkg)
  const lines = (fields.deliveries + fields.taken).split('\n').slice(0, -1)
  const deliveries = lines.map((line) => decodeDelivery(line, byRow))
  const keptUntil = Number(fields.head.slice(2 * TIME, 3 * TIME))
  return { fields, stock: { packages, deliveries }, keptUntil }
}

/** The fields of a stock, with a version of its own. */
export function encodeStock({ packages, deliveries }: Stock<RowedPackage>, keptUntil: number): Fields {
  const inStock = new Set(packages.map(({ row }) => row))
  const spent = new Map(deliveries.flatMap(({ spent }) => spent.map((pkg) => [pkg.row, pkg])))
  const entries: Entry[] = [
    ...packages.map((pkg): Entry => [isFresh(pkg) ? 'fresh' : 'stock', pkg]),
    ...[...spent.values()].filter(({ row }) => !inStock.has(row)).map((pkg): Entry => ['spent', pkg]),
  ]
  const others = packages.filter((pkg) => !isFresh(pkg))
  const head = [
    digits(earliest(packages.map(({ expiresAt }) => expiresAt)), TIME),
    digits(earliest(packages.flatMap(({ exposure }) => exposure?.since ?? [])), TIME),
    digits(keptUntil, TIME),
    digits(others.length, COUNT),
    digits(others.filter(isSlot).length, COUNT),
    Number(deliveries.length === 0),
  ]
  return {
    version: newVersion(),
    head: head.join(''),
    fresh: freshInOrder(packages)
      .map(({ row }) => row)
      .join(''),
    taken: '',
    packages: JSON.stringify(entries),
    deliveries: deliveries.map(encodeDelivery).join(''),
  }
}

/** How many packages are in a stock, from two of its fields. */
export function sizeOf(head: string | null, fresh: string | null): number {
  return Number(head?.slice(3 * TIME, 3 * TIME + COUNT) ?? 0) + (fresh?.length ?? 0) / ROW_LENGTH
}

const PROCESS = randomBytes(9).toString('base64url')
let versions = 0

/** No other change gives it, nor one that begins with it. */
export function newVersion(): string {
  versions += 1
  return `${PROCESS}${versions.toString(36)}:`
}

/** The name of the row after that one; '' is before the first. */
export function rowAfter(row: string): string {
  const number = Number.parseInt(row.slice(1) || '0', 36) + 1
  return `:${number.toString(36).padStart(ROW_LENGTH - 1, '0')}`
}

function present(value: string | null | undefined): string {
  if (typeof value !== 'string') throw new Error('a stock lacks a field')
  return value
}

function rowsIn(text: string): string[] {
  const rows: string[] = []
  for (let from = 0; from < text.length; from += ROW_LENGTH) rows.push(text.slice(from, from + ROW_LENGTH))
  return rows
}

function decodeDelivery(line: string, byRow: ReadonlyMap<string, RowedPackage>): Delivery<RowedPackage> {
  const words = line.split(' ', 5)
  const [deliveredAt, keptUntil, times, rows = '', last] = words
  const spent = rowsIn(rows === '-' ? '' : rows).map((row) => {
    const pkg = byRow.get(row)
    if (pkg === undefined) throw new Error('a stock lacks a package that was delivered')
    return pkg
  })
  return {
    requester: line.slice(words.join(' ').length + 1),
    deliveredAt: Number(deliveredAt),
    keptUntil: Number(keptUntil),
    times: Number(times),
    spent,
    ...(last !== '-' && { last: last as EventId }),
  }
}

function encodeDelivery(delivery: Delivery<RowedPackage>): string {
  const { deliveredAt, keptUntil, times, spent, last, requester } = delivery
  const rows = spent.map(({ row }) => row).join('') || '-'
  return `${deliveredAt} ${keptUntil} ${times} ${rows} ${last ?? '-'} ${requester}\n`
}

function earliest(times: readonly number[]): number {
  return times.reduce((a, b) => Math.min(a, b), NEVER)
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
