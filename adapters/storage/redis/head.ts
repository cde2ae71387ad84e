/**
 * The field `head` of a stock: what the fast path of claims checks first, as numbers of fixed length. Until when it may be taken: a
 * package expires or may retire then, or the hash is not kept long enough; until when the number of reserved packages (below) is
 * exact; until when the hash is kept; how many KeyPackages are not fresh; a 1 or 0 each: whether a claim must ask for a
 * sweep, whether there is an `always`, whether there is an `again`; how many fresh packages at most are reserved: strangers may not
 * take them. At its end the terms on which this depends (terms.ts). In heads of earlier versions, which are shorter, the
 * third to fifth part are the same.
 */

import { retirements } from '../../../plugin/stock/exposure.ts'
import { isFresh, sizeOf } from '../../../plugin/stock/selection.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import { reserveOf } from '../../../plugin/stock/strangers.ts'
import { decodeTerms, encodeTerms, type Terms } from './terms.ts'

const TIME = 11
const COUNT = 5
/** Where the parts begin. */
const KEPT_UNTIL = 2 * TIME
const OTHERS = 3 * TIME
const FLAGS = OTHERS + COUNT
const TERMS = FLAGS + 3 + COUNT
/** Larger than any time. */
export const NEVER = 10 ** TIME - 1
const MANY = 10 ** COUNT - 1

/** What a head says that does not follow from the rest of the stock. */
export interface Head {
  /** Until when the hash is kept, in seconds since the epoch. */
  readonly keptUntil: number
  /** Whether nothing has made the next sweep visit the author since the last. */
  readonly isUnscheduled: boolean
  /** Of the policy that the next claim is expected to have; undefined if nobody has claimed yet. */
  readonly terms: Terms | undefined
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
  const { count, exactUntil } = terms === undefined ? NO_STRANGER : reserveOf(stock, terms, now)
  return [
    digits(terms === undefined ? 0 : fastUntil(stock, keptUntil, terms), TIME),
    digits(Math.min(exactUntil, NEVER), TIME),
    digits(keptUntil, TIME),
    digits(sizeOf(stock.packages.filter((pkg) => !isFresh(pkg))), COUNT),
    ...[isUnscheduled, has.always, has.again].map(Number),
    digits(Math.min(count, MANY), COUNT),
    terms === undefined ? '' : encodeTerms(terms),
  ].join('')
}

const NO_STRANGER = { count: MANY, exactUntil: 0 }

/** When the fast path can no longer be taken, in seconds since the epoch, if the stock does not change. */
function fastUntil(
  { packages }: Stock,
  keptUntil: number,
  { retireAfterSeconds, stockSeconds }: Terms,
): number {
  const times = [
    ...packages.map(({ expiresAt }) => expiresAt),
    ...retirements(packages, retireAfterSeconds),
    keptUntil - stockSeconds + 1,
  ]
  return Math.max(
    0,
    times.reduce((a, b) => Math.min(a, b), NEVER),
  )
}

/** The number of KeyPackages that are not fresh; 0 without a head. */
export function sizeWithoutFresh(head: string | null): number {
  return Number(head?.slice(OTHERS, FLAGS) ?? 0)
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
