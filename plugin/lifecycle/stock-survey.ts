/** Counts the stock of every author in small steps: how many have how many fresh packages, and who has fewest. */

import type { Pubkey } from '../nostr/messages.ts'
import { isFresh, isOneTime, sizeOf } from '../stock/selection.ts'
import type { KeyPackageStore, StockedPackage } from '../store.ts'
import { inBatches } from '../store-records.ts'

/** What `surveyStock` may be told. */
export interface SurveySettings {
  /** How many authors to name, at most; 0 by default. */
  readonly lowest?: number
  /**
   * Called between two steps; the next one waits for it. A server with much to do waits longer. By default other work has one turn
   * of the event loop.
   */
  readonly pause?: () => Promise<void>
  /** Ends the survey between two steps: it rejects with the reason. */
  readonly signal?: AbortSignal
}

/** The stock of one author who has few packages. */
export interface LowAuthor {
  readonly pubkey: Pubkey
  /** Fresh one-time packages. */
  readonly fresh: number
  /** KeyPackages of any kind, the shared one and slots included. */
  readonly packages: number
}

/**
 * The stock of all authors. It is the state of no single moment: a store is read author by author, and one that changes meanwhile
 * may be counted twice, or not at all.
 */
export interface StockSurvey {
  /** When it ended, in seconds since the epoch. */
  readonly at: number
  /** Authors who have a package. */
  readonly authors: number
  readonly packages: number
  /** Of those who have one-time packages, how many have how many fresh ones. */
  readonly byFresh: ReadonlyMap<number, number>
  /** Authors who have slots and no one-time packages: they are never low, because slots are not used up. */
  readonly slotsOnly: number
  /** Authors who have one-time packages, and fewer than `stock.low` fresh ones. */
  readonly low: number
  /** Authors of whom the store remembers something, and who have no package left: they have expired, or were deleted. */
  readonly out: number
  /** Those with the fewest fresh packages of the `low`, and after them of the `out`. */
  readonly lowest: readonly LowAuthor[]
}

export interface SurveyContext {
  readonly store: Pick<KeyPackageStore, 'authors' | 'list'>
  /** `stock.low` */
  readonly low: number
  /** Seconds since the epoch. */
  now(): number
}

/** Authors of one step. A step must be short: other clients wait for it (I9). */
const STEP = 20

/** Spends nothing. Rejects when the store does, or with the reason of `signal`. */
export async function surveyStock(
  { store, low, now }: SurveyContext,
  { lowest: most = 0, pause = nextTurn, signal }: SurveySettings,
): Promise<StockSurvey> {
  const counts = { authors: 0, packages: 0, slotsOnly: 0, low: 0, out: 0 }
  const byFresh = new Map<number, number>()
  const lowest = new Lowest(most)
  for await (const authors of inBatches(store.authors(), STEP)) {
    const stocks = await Promise.all(authors.map((author) => store.list(author, now())))
    for (const [index, pubkey] of authors.entries()) add(pubkey, stocks[index] ?? [])
    await pause()
    signal?.throwIfAborted()
  }
  return { at: now(), ...counts, byFresh, lowest: lowest.authors() }

  function add(pubkey: Pubkey, stock: readonly StockedPackage[]): void {
    const packages = sizeOf(stock)
    const fresh = stock.filter(isFresh).length
    counts.packages += packages
    if (packages === 0) {
      counts.out += 1
      lowest.add({ pubkey, fresh, packages })
      return
    }
    counts.authors += 1
    if (!stock.some(isOneTime)) {
      counts.slotsOnly += 1
      return
    }
    byFresh.set(fresh, (byFresh.get(fresh) ?? 0) + 1)
    if (fresh >= low) return
    counts.low += 1
    lowest.add({ pubkey, fresh, packages })
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The first of many authors, without keeping all of them: there may be a million. */
class Lowest {
  readonly #most: number
  /** By pubkey, as a store may yield an author twice. At most twice as many as are asked for. */
  #kept = new Map<Pubkey, LowAuthor>()

  constructor(most: number) {
    this.#most = most
  }

  add(author: LowAuthor): void {
    if (this.#most === 0) return
    this.#kept.set(author.pubkey, author)
    if (this.#kept.size >= 2 * this.#most)
      this.#kept = new Map(this.authors().map((author) => [author.pubkey, author]))
  }

  authors(): LowAuthor[] {
    return [...this.#kept.values()].sort(byNeed).slice(0, this.#most)
  }
}

/** Who has nothing left comes last: they may have left for good, while the others are being claimed from. */
function byNeed(a: LowAuthor, b: LowAuthor): number {
  return (
    Number(a.packages === 0) - Number(b.packages === 0) || a.fresh - b.fresh || (a.pubkey < b.pubkey ? -1 : 1)
  )
}
