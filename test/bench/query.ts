/** One REQ for 500 authors, which is one batch of claims, against reading the same authors one by one. */

import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { claimBy, LIMITS, NOW, POLICY } from '../contract/index.ts'
import { scratch } from '../support/scratch.ts'
import { alternate, microsecondsOf } from './measure.ts'
import type { BenchRow } from './row.ts'
import { author, fill } from './stocked.ts'

const AUTHORS = 500
const FEW_AUTHORS = 50
const WARM_UP_ROUNDS = 10
const ROUNDS = 9
const BUDGET = 2
const LINEAR = 1.3

export async function benchMemoryQuery(): Promise<BenchRow[]> {
  return benchQuery('memory', memoryStore())
}

export async function benchLmdbQuery(): Promise<BenchRow[]> {
  const directory = scratch()
  const rows = await benchQuery('LMDB, durable', lmdbStore({ path: directory }))
  return rows
}

/** Closes the store. */
export async function benchQuery(name: string, store: KeyPackageStore): Promise<BenchRow[]> {
  const rows = [await againstReads(name, store), await againstFew(name, store)]
  await store.close()
  return rows
}

async function againstReads(name: string, store: KeyPackageStore): Promise<BenchRow> {
  await warmUp(store)
  const authors = await stock(store, 0, AUTHORS)
  const { value, baseline } = await alternate(
    ROUNDS,
    (round) => microsecondsOf(() => query(store, authors, round)),
    () => microsecondsOf(() => readEach(store, authors)),
  )
  return {
    name: `one REQ, ${AUTHORS} authors, ${name}`,
    value: value / 1000,
    unit: 'ms',
    baseline: baseline / 1000,
    baselineName: `${AUTHORS} bare reads of the same store`,
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

async function warmUp(store: KeyPackageStore): Promise<void> {
  const authors = await stock(store, AUTHORS, AUTHORS)
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await query(store, authors, round)
    await readEach(store, authors)
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

async function readEach(store: KeyPackageStore, authors: readonly Pubkey[]): Promise<void> {
  for (const pubkey of authors) await store.list(pubkey, NOW)
}
