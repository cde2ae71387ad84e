/**
 * How an author's stock lies in Redis: a hash, of which the fast path (claim.lua) reads and writes the first three fields.
 *
 * - `version`: a number that every change raises, and that no hash of the author had before.
 * - `fresh`: the rows of the fresh one-time packages, in the order in which claims take them.
 * - `head`: what tells the fast path whether it may: the version of the last change that was no fast path; when the first
 *   package expires; since when the first is exposed that is; until when the hash is kept; how many packages are not fresh,
 *   and how many of those are slots; 1 where no delivery is kept.
 * - `packages`: all packages but for their events, as JSON, also those that a release may bring back.
 * - `d<version>`: a delivery; when it was; until when it is kept; how often it was sent; the rows that it spent; the last
 *   package, or `-`; the requester.
 *
 * The name of a row is a version too. The events are in a second hash by the names of their rows.
 */

import type { EventId } from '../../../plugin/nostr/messages.ts'
import type { Delivery } from '../../../plugin/stock/deliveries.ts'
import { freshInOrder, isFresh, isSlot } from '../../../plugin/stock/selection.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import type { StockedPackage } from '../../../plugin/store.ts'
import { fieldsOf } from './commits.ts'

/** A package, and the name of its row. */
export interface RowedPackage extends StockedPackage {
  readonly row: string
}

/** The fields of a hash. */
export type Fields = ReadonlyMap<string, string>

/** A stock as it was read. */
export interface ReadStock {
  /** '' of an author of whom there is none. */
  readonly version: string
  readonly fields: Fields
  readonly stock: Stock<RowedPackage> | undefined
  /** Until when the hash is kept, in seconds since the epoch. */
  readonly keptUntil: number
}

/** A delivery, and the field that it was read from. */
type ReadDelivery = Delivery<RowedPackage> & { readonly field: string }

/** Where a package is: among the fresh ones unless the fast path has spent it since; in the stock; only in deliveries. */
type Place = 'fresh' | 'stock' | 'spent'
type Entry = readonly [place: Place, pkg: RowedPackage]

const ROW_LENGTH = 11
/** Larger than any time, and exact in Lua. */
const NEVER = Number.MAX_SAFE_INTEGER

/** @param words of each field its name, and its value. @throws Error where it is not what `encodeStock` and claim.lua write */
export function decodeStock(words: readonly string[]): ReadStock {
  try {
    return decode(words)
  } catch (cause) {
    throw new Error('WRONGTYPE what is kept of an author cannot be read', { cause })
  }
}

function decode(words: readonly string[]): ReadStock {
  const fields = fieldsOf(words)
  if (fields.size === 0) return { version: '', fields, stock: undefined, keptUntil: 0 }
  const entries = JSON.parse(fieldOf(fields, 'packages')) as Entry[]
  const fresh = new Set(rowsIn(fieldOf(fields, 'fresh')))
  const byRow = new Map(entries.map(([, pkg]) => [pkg.row, pkg]))
  const packages = entries
    .filter(([place, { row }]) => place === 'stock' || (place === 'fresh' && fresh.has(row)))
    .map(([, pkg]) => pkg)
  const deliveries = [...fields]
    .filter(([field]) => /^d\d/.test(field))
    .sort(([one], [other]) => Number(one.slice(1)) - Number(other.slice(1)))
    .map(([field, text]) => decodeDelivery(field, text, byRow))
  const keptUntil = Number(fieldOf(fields, 'head').split(' ')[3])
  return { version: fieldOf(fields, 'version'), fields, stock: { packages, deliveries }, keptUntil }
}

/** The fields of a stock, deliveries included; `nextVersion` names those that are new. */
export function encodeStock(
  { packages, deliveries }: Stock<RowedPackage>,
  keptUntil: number,
  nextVersion: () => string,
): Map<string, string> {
  const fields = new Map<string, string>()
  const spent = new Map<string, RowedPackage>()
  for (const delivery of deliveries) {
    fields.set(fieldNameOf(delivery) ?? `d${nextVersion()}`, encodeDelivery(delivery))
    for (const pkg of delivery.spent) spent.set(pkg.row, pkg)
  }
  for (const { row } of packages) spent.delete(row)
  const entries: Entry[] = [
    ...packages.map((pkg): Entry => [isFresh(pkg) ? 'fresh' : 'stock', pkg]),
    ...[...spent.values()].map((pkg): Entry => ['spent', pkg]),
  ]
  const others = packages.filter((pkg) => !isFresh(pkg))
  const exposed = packages.flatMap(({ exposure }) => (exposure === undefined ? [] : [exposure.since]))
  const head = [
    earliest(packages.map(({ expiresAt }) => expiresAt)),
    earliest(exposed),
    keptUntil,
    others.length,
    others.filter(isSlot).length,
    Number(deliveries.length === 0),
  ]
  fields.set(
    'fresh',
    freshInOrder(packages)
      .map(({ row }) => row)
      .join(''),
  )
  fields.set('packages', JSON.stringify(entries))
  const version = nextVersion()
  return fields.set('version', version).set('head', `${version} ${head.join(' ')}`)
}

/** How many packages are in a stock, from two of its fields. */
export function sizeOf(head: string | null, fresh: string | null): number {
  return Number(head?.split(' ')[4] ?? 0) + (fresh?.length ?? 0) / ROW_LENGTH
}

/** The first version of a hash: no other of the author had it, since versions grow slower than the clock. */
export function firstVersion(): number {
  return Date.now() * 1000 + Math.floor(Math.random() * 1000)
}

export function rowNamed(version: string): string {
  return Number(version).toString(36).padStart(ROW_LENGTH, '0')
}

function fieldOf(fields: Fields, name: string): string {
  const value = fields.get(name)
  if (value === undefined) throw new Error(`a stock has no ${name}`)
  return value
}

function rowsIn(text: string): string[] {
  const rows: string[] = []
  for (let from = 0; from < text.length; from += ROW_LENGTH) rows.push(text.slice(from, from + ROW_LENGTH))
  return rows
}

function decodeDelivery(field: string, text: string, byRow: ReadonlyMap<string, RowedPackage>): ReadDelivery {
  const [deliveredAt, keptUntil, times, rows = '', last] = text.split(' ', 5)
  const head = `${deliveredAt} ${keptUntil} ${times} ${rows} ${last} `
  const spent = rowsIn(rows === '-' ? '' : rows).map((row) => {
    const pkg = byRow.get(row)
    if (pkg === undefined) throw new Error('a stock lacks a package that was delivered')
    return pkg
  })
  return {
    field,
    requester: text.slice(head.length),
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
  return `${deliveredAt} ${keptUntil} ${times} ${rows} ${last ?? '-'} ${requester}`
}

/** The rules hand back what they were given, and only add to it or take from it. */
function fieldNameOf(delivery: Delivery<RowedPackage>): string | undefined {
  return 'field' in delivery && typeof delivery.field === 'string' ? delivery.field : undefined
}

function earliest(times: readonly number[]): number {
  return times.reduce((a, b) => Math.min(a, b), NEVER)
}
