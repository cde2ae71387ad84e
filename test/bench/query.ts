/** One REQ for 500 authors, which is one batch of claims, against a batch of 500 bare moves in the same database. */

import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { claimBy, LIMITS, NOW, POLICY } from '../contract/index.ts'
import { scratch } from '../support/scratch.ts'
import { bareLmdb } from './claims.ts'
import { alternate, microsecondsOf } from './measure.ts'
import type { BenchRow } from './row.ts'
import { author, fill } from './stocked.ts'

const AUTHORS = 500
const FEW_AUTHORS = 50
const ROUNDS = 9
/** Other authors, as many as it takes until V8 has optimised either way: a server runs for weeks. */
const [WARM_UP_FROM, WARM_UP_TO] = [10 * AUTHORS, 13 * AUTHORS]
const BUDGET = 2
const LINEAR = 1.3

/** Records in the same database, without rules: of each author as many as there are rounds. */
export interface Bare {
  readonly fill: (authors: readonly Pubkey[]) => Promise<unknown>
  /** Moves the record of the round of each author, in one batch. */
  readonly moveAll: (round: number, authors: readonly Pubkey[]) => Promise<unknown>
}

export async function benchLmdbQuery(): Promise<BenchRow[]> {
  const directory = scratch()
  const bare = bareLmdb(`${directory}/bare`)
  const rows = await benchQuery('LMDB, durable', lmdbStore({ path: `${directory}/store` }), bare)
  await bare.close()
  return rows
}

/** Closes the store. */
export async function benchQuery(name: string, store: KeyPackageStore, bare: Bare): Promise<BenchRow[]> {
  const rows = [await againstMoves(name, store, bare), await againstFew(name, store)]
  await store.close()
  return rows
}

async function againstMoves(name: string, store: KeyPackageStore, bare: Bare): Promise<BenchRow> {
  const authors = await stock(store, 0, AUTHORS)
  await bare.fill(authors)
  for (let from = WARM_UP_FROM; from < WARM_UP_TO; from += AUTHORS) {
    const others = await stock(store, from, AUTHORS)
    await bare.fill(others)
    for (let round = 0; round < ROUNDS; round++) {
      await query(store, others, round)
      await bare.moveAll(round, others)
    }
  }
  const { value, baseline } = await alternate(
    ROUNDS,
    (round) => microsecondsOf(() => query(store, authors, round)),
    (round) => microsecondsOf(() => bare.moveAll(round, authors)),
  )
  return {
    name: `one REQ, ${AUTHORS} authors, ${name}`,
    value: value / 1000,
    unit: 'ms',
    baseline: baseline / 1000,
    baselineName: `${AUTHORS} bare moves in one batch`,
    ratio: value / baseline,
    budget: `at most ${BUDGET} times the baseline`,
    inside: value <= BUDGET * baseline,
  }
}

async function againstFew(name: string, store: KeyPackageStore): Promise<BenchRow> {
  const many = await stock(store, 2 * AUTHORS, AUTHORS)
  const few = await stock(store, 4 * AUTHORS, FEW_AUTHORS)
  const { value, baseline } = await alternate(
    ROUNDS,
    async (round) => (await microsecondsOf(() => query(store, many, round))) / AUTHORS,
    async (round) => (await microsecondsOf(() => query(store, few, round))) / FEW_AUTHORS,
  )
  return {
    name: `one author of a REQ for ${AUTHORS}, ${name}`,
    value,
    unit: 'µs',
    baseline,
    baselineName: `one author of a REQ for ${FEW_AUTHORS}`,
    ratio: value / baseline,
    budget: `at most ${LINEAR} times the baseline`,
    inside: value <= LINEAR * baseline,
  }
}

async function stock(store: KeyPackageStore, from: number, count: number): Promise<Pubkey[]> {
  await fill(store, { from, to: from + count }, LIMITS.max)
  return Array.from({ length: count }, (_, index) => author(from + index))
}

function query(store: KeyPackageStore, authors: readonly Pubkey[], round: number): Promise<unknown> {
  return store.claim(
    authors.map((pubkey) => claimBy(`requester ${round}`, pubkey)),
    POLICY,
    NOW,
  )
}
