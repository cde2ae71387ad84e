/**
 * The Redis layout of an author's stock: a hash with these fields, one for each package with its event (row.ts), and one for each
 * claim window of the author (windows.ts), which outlives the others. The fast path of claims (claim.lua) reads all of them except
 * `packages`, `deliveries` and `deletions`.
 *
 * - `version`: replaced by a unique text with every change.
 * - `fresh`: the rows of the fresh one-time packages, in the order in which claims take them.
 * - `taken`: the deliveries by the fast path since the last other change, each followed by who took them (takes.ts).
 * - `always`: the rows of all slots, newest first, which every claim for slots gets without changing the stock. Empty if there
 *   are none.
 * - `again`: the shared package, which every claim gets that may take no fresh one, and which increments its exposure: its row,
 *   its id, since when it is exposed, and how often it was delivered. Empty if there is none.
 * - `counted`: how many more deliveries the fast path has made of it.
 * - `head`: what the fast path checks first (head.ts).
 * - `packages`: all packages without their events, as JSON, including those that a release may bring back.
 * - `deliveries`: a line for each, oldest first: its time; until when it is kept; how often it was sent; the rows that it
 *   spent; the shared package, or `-`; the recipient.
 * - `deletions`: the deletions that are remembered, as JSON; empty if there are none. Stocks of earlier versions lack it.
 * - `takes`: who has taken fresh packages (takes.ts).
 */

import { randomBytes } from 'node:crypto'
import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../../plugin/key-package/kinds.ts'
import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import type { Delivery } from '../../../plugin/stock/deliveries.ts'
import { freshInOrder, isFresh, isSlot, sharedOf } from '../../../plugin/stock/selection.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import type { Take } from '../../../plugin/stock/strangers.ts'
import type { Claim, ClaimPolicy, Deletions, StockedPackage } from '../../../plugin/store.ts'
import { decodeHead, encodeHead, type Head, NEVER, sizeWithoutFresh } from './head.ts'
import { decodeTake, decodeTakes, encodeTakes } from './takes.ts'

/** A package with the name of its row. */
export interface RowedPackage extends StockedPackage {
  readonly row: string
}

/** All fields except rows, in the order in which claim.lua returns them. */
export const STOCK_FIELDS = [
  'version',
  'head',
  'fresh',
  'taken',
  'always',
  'again',
  'counted',
  'packages',
  'deliveries',
  'deletions',
  'takes',
] as const

type Fields = Record<(typeof STOCK_FIELDS)[number], string>

/** A stock as it was read. */
export interface ReadStock {
  /** Undefined if the author has no stock. */
  readonly fields: Fields | undefined
  readonly stock: Stock<RowedPackage> | undefined
  /** Undefined if the author has no stock. */
  readonly head: Head | undefined
}

/** Where a package is: `fresh` unless the fast path has spent it since; in the `stock`; or `spent`, only in deliveries. */
type Place = 'fresh' | 'stock' | 'spent'
type Entry = readonly [place: Place, pkg: RowedPackage]

/** A colon, which no other field starts with, and a base 36 number. */
const ROW_LENGTH = 6
const TIME = 11

/** @param values of `STOCK_FIELDS`. @throws Error if neither `encodeStock` nor claim.lua wrote them */
export function decodeStock(values: readonly (string | null)[]): ReadStock {
  if (values.every((value) => value === null)) return { fields: undefined, stock: undefined, head: undefined }
  try {
    return decode(values)
  } catch (cause) {
    throw new Error('WRONGTYPE the stock of an author cannot be decoded', { cause })
  }
}

function decode(values: readonly (string | null)[]): ReadStock {
  const fields = fieldsOf(values)
  const counted = Number(fields.counted)
  const entries = (JSON.parse(fields.packages) as Entry[]).map(([place, pkg]): Entry => {
    if (counted === 0 || pkg.exposure === undefined || pkg.row !== fields.again.slice(0, ROW_LENGTH))
      return [place, pkg]
    return [place, { ...pkg, exposure: { ...pkg.exposure, count: pkg.exposure.count + counted } }]
  })
  const fresh = new Set(rowsIn(fields.fresh))
  const byRow = new Map(entries.map(([, pkg]) => [pkg.row, pkg]))
  const packages = entries
    .filter(([place, { row }]) => place === 'stock' || (place === 'fresh' && fresh.has(row)))
    .map(([, pkg]) => pkg)
  const takenLines = linesOf(fields.taken)
  const deliveries = [...linesOf(fields.deliveries), ...takenLines].map((line) => decodeDelivery(line, byRow))
  const deletions = fields.deletions === '' ? {} : { deletions: JSON.parse(fields.deletions) as Deletions }
  const takes = [...decodeTakes(fields.takes), ...takenLines.flatMap(takeIn)]
  const stock = { packages, deliveries, ...deletions, ...(takes.length > 0 && { takes }) }
  return { fields, stock, head: decodeHead(fields.head) }
}

/** Written out: of an object that is put together at run time, each access would cost more. */
function fieldsOf(values: readonly (string | null)[]): Fields {
  const [version, head, fresh, taken, always, again, counted, packages, deliveries, deletions, takes] = values
  return {
    version: present(version),
    head: present(head),
    fresh: present(fresh),
    taken: present(taken),
    always: present(always),
    again: present(again),
    counted: present(counted),
    packages: present(packages),
    deliveries: present(deliveries),
    // Earlier versions did not write these.
    deletions: deletions ?? '',
    takes: takes ?? '',
  }
}

/** The fields of a stock, with a new version. `now` is in seconds since the epoch. */
export function encodeStock(stock: Stock<RowedPackage>, head: Head, now: number): Fields {
  const { packages, deliveries, deletions, takes } = stock
  const inStock = new Set(packages.map(({ row }) => row))
  const spent = new Map(deliveries.flatMap(({ spent }) => spent.map((pkg) => [pkg.row, pkg])))
  const entries: Entry[] = [
    ...packages.map((pkg): Entry => [isFresh(pkg) ? 'fresh' : 'stock', pkg]),
    ...[...spent.values()].filter(({ row }) => !inStock.has(row)).map((pkg): Entry => ['spent', pkg]),
  ]
  const [always, again] = [rowsAlways(stock), packageAgain(stock)]
  return {
    version: newVersion(),
    head: encodeHead(head, stock, { always: always !== '', again: again !== '' }, now),
    fresh: freshInOrder(packages)
      .map(({ row }) => row)
      .join(''),
    taken: '',
    always,
    again,
    counted: '0',
    packages: JSON.stringify(entries),
    deliveries: deliveries.map(encodeDelivery).join(''),
    deletions: deletions === undefined ? '' : JSON.stringify(deletions),
    takes: encodeTakes(takes),
  }
}

/** The rows that the rules deliver to every claim for all slots; '' if there are none. */
function rowsAlways(stock: Stock<RowedPackage>): string {
  if (!stock.packages.some(isSlot)) return ''
  const { delivered } = tryClaim(stock, [SLOT_KIND])
  return delivered.map(({ row }) => row).join('')
}

/** The shared package, if that is what the rules deliver to a claim that may take no fresh one; else ''. */
function packageAgain(stock: Stock<RowedPackage>): string {
  if (sharedOf(stock.packages) === undefined) return ''
  const { delivered, after } = tryClaim(stock, [KEY_PACKAGE_KIND])
  const [pkg] = delivered
  if (delivered.length !== 1 || pkg?.exposure === undefined) return ''
  if (after.packages.length < stock.packages.length) return ''
  const { since, count } = pkg.exposure
  return `${pkg.row}${pkg.id}${digits(since, TIME)}${digits(count, TIME - 1)}`
}

/** The result of a claim of a stranger for everything of these kinds, if nothing had expired. */
function tryClaim(
  stock: Stock<RowedPackage>,
  kinds: readonly number[],
): { delivered: readonly RowedPackage[]; after: Stock<RowedPackage> } {
  const request = { ...STRANGER, narrowings: [{ kinds }] }
  const { stock: after, choice } = claim(stock, NO_WINDOWS, request, NOTHING_FRESH, 0)
  return { delivered: choice.outcome === 'delivered' ? choice.packages : [], after: after ?? stock }
}

const STRANGER: Omit<Claim, 'narrowings'> = {
  author: '' as Pubkey,
  requester: '',
  address: '',
  standing: 'stranger',
  maximum: Number.MAX_SAFE_INTEGER,
}
const NO_WINDOWS = () => undefined
const ENOUGH = { max: 1, windowSeconds: 1 }
const NOTHING_FRESH: ClaimPolicy = {
  perAuthor: ENOUGH,
  perAddress: ENOUGH,
  strangers: { max: 0, windowSeconds: 1 },
  keep: 0,
  redeliverySeconds: 0,
  retireAfterSeconds: NEVER,
  low: 0,
}

/** The number of KeyPackages in a stock, from two of its fields. */
export function storedSize(head: string | null, fresh: string | null): number {
  return sizeWithoutFresh(head) + (fresh?.length ?? 0) / ROW_LENGTH
}

const PROCESS = randomBytes(9).toString('base64url')
let versions = 0

/** A unique version that is not a prefix of any other. */
export function newVersion(): string {
  versions += 1
  return `${PROCESS}${versions.toString(36)}:`
}

/** The name of the next row; '' comes before the first. */
export function rowAfter(row: string): string {
  const number = Number.parseInt(row.slice(1) || '0', 36) + 1
  return `:${number.toString(36).padStart(ROW_LENGTH - 1, '0')}`
}

function present(value: string | null | undefined): string {
  if (typeof value !== 'string') throw new Error('a field of the stock is missing')
  return value
}

function rowsIn(text: string): string[] {
  const rows: string[] = []
  for (let from = 0; from < text.length; from += ROW_LENGTH) rows.push(text.slice(from, from + ROW_LENGTH))
  return rows
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1)
}

/** What the fast path took for a stranger in a delivery. */
function takeIn(line: string): Take[] {
  const [at, , , rows = ''] = line.split(' ', 4)
  return decodeTake(line, Number(at), rows.length / ROW_LENGTH)
}

function decodeDelivery(taken: string, byRow: ReadonlyMap<string, RowedPackage>): Delivery<RowedPackage> {
  const [line = ''] = taken.split('\t', 1)
  const words = line.split(' ', 5)
  const [deliveredAt, keptUntil, times, rows = '', last] = words
  const spent = rowsIn(rows === '-' ? '' : rows).map((row) => {
    const pkg = byRow.get(row)
    if (pkg === undefined) throw new Error('a delivered package is missing from the stock')
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

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
