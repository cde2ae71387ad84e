/**
 * The field `head` of a stock: what the fast path of claims checks first, as numbers of fixed length: when the first package expires;
 * since when the first of those that may retire is exposed; until when the hash is kept; how many KeyPackages are not fresh; then a
 * 1 or 0 each: whether a claim must ask for a sweep, whether there is an `always`, whether there is an `again`; then how many of the
 * fresh packages strangers may not take, and until when exactly so many. At its end the terms for strangers on which that
 * depends. Those of earlier versions lack what is about strangers.
 */

import { retirements } from '../../../plugin/stock/exposure.ts'
import { isFresh, sizeOf } from '../../../plugin/stock/selection.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { reserveOf, type StrangerTerms } from '../../../plugin/stock/strangers.ts'
import { decodeTerms, encodeTerms } from './takes.ts'

const TIME = 11
const COUNT = 5
/** Where the parts begin. */
const KEPT_UNTIL = 2 * TIME
const OTHERS = 3 * TIME
const FLAGS = OTHERS + COUNT
const RESERVE = FLAGS + 3
const TERMS = RESERVE + COUNT + TIME
/** Larger than any time. */
export const NEVER = 10 ** TIME - 1
const MANY = 10 ** COUNT - 1

/** What a head says that does not follow from the rest of the stock. */
export interface Head {
  /** Until when the hash is kept, in seconds since the epoch. */
  readonly keptUntil: number
  /** Whether nothing has made the next sweep visit the author since the last. */
  readonly isUnscheduled: boolean
  /** The policy that the next claim is expected to have; undefined if nobody has claimed yet. */
  readonly terms: StrangerTerms | undefined
  /** Whether an earlier version wrote it, which kept claim windows elsewhere. */
  readonly isOld: boolean
}

export function decodeHead(text: string): Head {
  return {
    keptUntil: Number(text.slice(KEPT_UNTIL, OTHERS)),
    isUnscheduled: text[FLAGS] === '1',
    terms: decodeTerms(text.slice(TERMS)),
    isOld: text.length < TERMS,
  }
}

export function encodeHead(
  { keptUntil, isUnscheduled, terms }: Omit<Head, 'isOld'>,
  stock: Stock,
  has: { readonly always: boolean; readonly again: boolean },
  now: number,
): string {
  const { packages } = stock
  const { count, exactUntil } =
    terms === undefined ? { count: MANY, exactUntil: 0 } : reserveOf(stock, terms, now)
  return [
    digits(earliest(packages.map(({ expiresAt }) => expiresAt)), TIME),
    digits(earliest(retirements(packages, 0)), TIME),
    digits(keptUntil, TIME),
    digits(sizeOf(packages.filter((pkg) => !isFresh(pkg))), COUNT),
    ...[isUnscheduled, has.always, has.again].map(Number),
    digits(Math.min(count, MANY), COUNT),
    digits(Math.min(exactUntil, NEVER), TIME),
    terms === undefined ? '' : encodeTerms(terms),
  ].join('')
}

/** The number of KeyPackages that are not fresh; 0 without a head. */
export function sizeWithoutFresh(head: string | null): number {
  return Number(head?.slice(OTHERS, FLAGS) ?? 0)
}

function earliest(times: readonly number[]): number {
  return times.reduce((a, b) => Math.min(a, b), NEVER)
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
