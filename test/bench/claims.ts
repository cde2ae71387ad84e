/** Claims a second with 64 in flight, from authors with ten packages each, of which every round takes one. */

import { open } from 'lmdb'
import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import { claim } from '../../plugin/stock/claim.ts'
import type { Stock } from '../../plugin/stock/stock.ts'
import type { KeptWindow, WindowName } from '../../plugin/stock/windows.ts'
import type { Claim, ClaimPolicy, KeyPackageStore, StoredKeyPackage } from '../../plugin/store.ts'
import { claimBy, LIMITS, NOW, POLICY } from '../contract/index.ts'
import { scratch } from '../support/scratch.ts'
import { alternate, callsPerSecond, type Medians } from './measure.ts'
import type { BenchRow } from './row.ts'
import { author, fill, realisticPackage } from './stocked.ts'

export const IN_FLIGHT = 64
/** One less than an author's packages: each round takes one, and never the last. */
export const ROUNDS = LIMITS.max - 1
/** From one round to the next claims become too old to be released, but no window is over. */
const SECONDS_BETWEEN_ROUNDS = 61
const MEMORY_AUTHORS = 5_000
const MEMORY_BUDGET = 0.5
const LMDB_AUTHORS = 2_000
const LMDB_BUDGET = 0.6

export async function benchMemoryClaims(): Promise<BenchRow> {
  const engine = Array.from({ length: MEMORY_AUTHORS }, (_, number) => pureAuthor(author(number)))
  const { value, baseline } = await compareClaims(memoryStore(), MEMORY_AUTHORS, async (round, index) =>
    engine[index]?.(STRANGERS_OFF.claimOf(round, index), NOW + round * SECONDS_BETWEEN_ROUNDS),
  )
  return {
    name: 'claims, memory',
    value,
    unit: '/s',
    baseline,
    baselineName: 'pure `claim` of the stock engine, in a loop',
    ratio: value / baseline,
    budget: `at least ${MEMORY_BUDGET} times the baseline`,
    inside: value >= MEMORY_BUDGET * baseline,
  }
}

/** An author whose stock and windows nobody but the engine's `claim` reads. */
function pureAuthor(pubkey: Pubkey): (request: Claim, now: number) => void {
  const packages = Array.from({ length: LIMITS.max }, (_, index) =>
    realisticPackage(`${pubkey} ${index}`, pubkey, NOW - LIMITS.max + index),
  )
  let stock: Stock<StoredKeyPackage> | undefined = { packages, deliveries: [] }
  const windows = new Map<WindowName, KeptWindow | undefined>()
  return (request, now) => {
    const claimed = claim(stock, (name) => windows.get(name), request, STRANGERS_OFF.policy, now)
    stock = claimed.stock
    for (const [name, window] of claimed.windows ?? []) windows.set(name, window)
  }
}

export async function benchLmdbClaims(): Promise<BenchRow> {
  const directory = scratch()
  const store = lmdbStore({ path: `${directory}/store` })
  const bare = bareLmdb(`${directory}/bare`)
  const pubkeys = Array.from({ length: LMDB_AUTHORS }, (_, number) => author(number))
  await bare.fill(pubkeys)
  const { value, baseline } = await compareClaims(store, LMDB_AUTHORS, (round, index) =>
    bare.move(round, pubkeys[index] ?? ''),
  )
  await store.close()
  await bare.close()
  return {
    name: 'claims, LMDB, 64 in flight, durable',
    value,
    unit: '/s',
    baseline,
    baselineName: 'a bare lmdb transaction that moves one record',
    ratio: value / baseline,
    budget: `at least ${LMDB_BUDGET} times the baseline`,
    inside: value >= LMDB_BUDGET * baseline,
  }
}

/** Who claims in the rounds of a bench. */
export interface Claimants {
  readonly policy: ClaimPolicy
  readonly rounds: number
  readonly claimOf: (round: number, index: number) => Claim
}

/** The same requester in each round; every round takes a package. */
const STRANGERS_OFF: Claimants = {
  policy: POLICY,
  rounds: ROUNDS,
  claimOf: (_round, index) => claimBy(`requester ${index}`, author(index)),
}

/** Claims of every author in each round, alternating with the baseline, after warm-up rounds with other authors. */
export async function compareClaims(
  store: KeyPackageStore,
  authors: number,
  baseline: (round: number, index: number) => Promise<unknown>,
  { policy, rounds, claimOf }: Claimants = STRANGERS_OFF,
): Promise<Medians> {
  await fill(store, { from: 0, to: 2 * authors }, LIMITS.max)
  const claimAll = (from: number, round: number) => {
    const claims = Array.from({ length: authors }, (_, index) => claimOf(round, from + index))
    return callsPerSecond(authors, IN_FLIGHT, (index) =>
      store.claim(claims.slice(index, index + 1), policy, NOW + round * SECONDS_BETWEEN_ROUNDS),
    )
  }
  for (let round = 0; round < rounds; round++) await claimAll(authors, round)
  return alternate(
    rounds,
    (round) => claimAll(0, round),
    (round) => callsPerSecond(authors, IN_FLIGHT, (index) => baseline(round, index)),
  )
}

/** The baseline: bare lmdb with the options of the store, and records as long as an event. */
export function bareLmdb(path: string) {
  const root = open({ path, noSubdir: false, overlappingSync: false, eventTurnBatching: false })
  const here = root.openDB<string, [author: string, round: number]>({ name: 'here' })
  const there = root.openDB<string, [author: string, round: number]>({ name: 'there' })
  const moveOne = (round: number, pubkey: Pubkey) => {
    const event = here.get([pubkey, round]) ?? ''
    there.put([pubkey, round], event)
    here.remove([pubkey, round])
  }
  return {
    fill: (pubkeys: readonly Pubkey[]) =>
      root.transaction(() => {
        for (const pubkey of pubkeys) {
          const { event } = realisticPackage('bare', pubkey, NOW)
          for (let round = 0; round < ROUNDS; round++) here.put([pubkey, round], event)
        }
      }),
    move: (round: number, pubkey: Pubkey) => root.transaction(() => moveOne(round, pubkey)),
    moveAll: (round: number, pubkeys: readonly Pubkey[]) =>
      root.transaction(() => {
        for (const pubkey of pubkeys) moveOne(round, pubkey)
      }),
    close: () => root.close(),
  }
}
