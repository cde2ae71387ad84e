/** How stores scale: the time of a claim by the number of authors, and memory by the number of packages. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { claimBy, LIMITS, NOW, POLICY } from '../contract/index.ts'
import { heapUsed } from '../support/heap-used.ts'
import { scratch } from '../support/scratch.ts'
import { alternate, callsPerSecond } from './measure.ts'
import type { BenchRow } from './row.ts'
import { author, fill, realisticPackage, smallPackage } from './stocked.ts'

const ROUNDS = 15
const FLAT = 1.3
/** The authors of a memory store are spread over more memory than a processor's caches hold. */
const FLAT_IN_MEMORY = 1.5
const MEMORY_AUTHORS = 1_000_000
const LMDB_AUTHORS = 100_000
const WEIGHED_AUTHORS = 10_000
const BYTES_BUDGET = 2

export async function benchMemoryGrowth(): Promise<BenchRow> {
  return benchGrowth('memory', memoryStore, MEMORY_AUTHORS, 20_000, FLAT_IN_MEMORY)
}

export async function benchLmdbGrowth(): Promise<BenchRow> {
  const directory = scratch()
  let opened = 0
  const row = await benchGrowth(
    'LMDB, durable',
    () => lmdbStore({ path: `${directory}/${opened++}` }),
    LMDB_AUTHORS,
    1_000,
  )
  return row
}

/** Heap bytes per package of the memory store with ten packages an author, including everything else it keeps. */
export async function benchMemoryBytes(): Promise<BenchRow> {
  const weigh = async () => {
    await nextTurn()
    return heapUsed()
  }
  const store = memoryStore()
  const baseline = realisticPackage('0/0', author(0), NOW).event.length
  const before = await weigh()
  await fill(store, { from: 0, to: WEIGHED_AUTHORS }, LIMITS.max)
  const value = ((await weigh()) - before) / (WEIGHED_AUTHORS * LIMITS.max)
  await store.close()
  return {
    name: 'memory store, per package',
    value,
    unit: 'bytes',
    baseline,
    baselineName: 'the JSON of its event',
    ratio: value / baseline,
    budget: `at most ${BYTES_BUDGET} times the baseline`,
    inside: value <= BYTES_BUDGET * baseline,
  }
}

/** Claims one after the other, each by another requester; every author has one package. */
export async function benchGrowth(
  name: string,
  open: () => KeyPackageStore | Promise<KeyPackageStore>,
  authors: number,
  calls: number,
  budget = FLAT,
): Promise<BenchRow> {
  const [large, small] = [await open(), await open()]
  await fill(large, { from: 0, to: authors }, 1, smallPackage)
  await fill(small, { from: 0, to: 1 }, 1, smallPackage)
  const costOf = async (store: KeyPackageStore, among: number, round: number) => {
    const claims = Array.from({ length: calls }, (_, index) =>
      claimBy(`${round} ${index}`, author(scattered(round * calls + index) % among)),
    )
    const perSecond = await callsPerSecond(calls, 1, (index) =>
      store.claim(claims.slice(index, index + 1), POLICY, NOW),
    )
    return 1e6 / perSecond
  }
  const { value, baseline } = await alternate(
    ROUNDS,
    (round) => costOf(large, authors, round),
    (round) => costOf(small, 1, round),
  )
  await Promise.all([large.close(), small.close()])
  return {
    name: `a claim, ${authors.toLocaleString('en')} authors stored, ${name}`,
    value,
    unit: 'µs',
    baseline,
    baselineName: 'a claim, 1 author stored',
    ratio: value / baseline,
    budget: `at most ${budget} times the baseline`,
    inside: value <= budget * baseline,
  }
}

/** A pseudo-random permutation of the numbers (Knuth's multiplicative hash). */
function scattered(number: number): number {
  return Math.imul(number, 2_654_435_761) >>> 0
}
