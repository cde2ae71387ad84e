/** Claims a second, 64 under way at any time, of authors who have ten packages each and lose one in every round. */

import { open } from 'lmdb'
import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { claimBy, LIMITS, NOW, POLICY } from '../contract/index.ts'
import { scratch } from '../support/stores.ts'
import { alternate, callsPerSecond, type Medians } from './measure.ts'
import type { BenchRow } from './row.ts'
import { author, fill, realisticPackage } from './stocked.ts'

const IN_FLIGHT = 64
const ROUNDS = 9
const MEMORY_AUTHORS = 20_000
const MEMORY_BUDGET = 200_000
const LMDB_AUTHORS = 2_000
const LMDB_BUDGET = 0.6

export async function benchMemoryClaims(): Promise<BenchRow> {
  const store = memoryStore()
  const map = new Map<Pubkey, number>()
  for (let number = 0; number < MEMORY_AUTHORS; number++) map.set(author(number), number)
  const pubkeys = [...map.keys()]
  const lookUp = async (index: number) => map.get(pubkeys[index] ?? author(index))
  await fill(store, { from: 0, to: MEMORY_AUTHORS }, LIMITS.max)
  const { value, baseline } = await compare(store, pubkeys, (_round, index) => lookUp(index))
  return {
    name: 'claims, memory',
    value,
    unit: '/s',
    baseline,
    baselineName: 'a Map lookup through the same promises',
    ratio: value / baseline,
    budget: `at least ${MEMORY_BUDGET}/s`,
    inside: value >= MEMORY_BUDGET,
  }
}

export async function benchLmdbClaims(): Promise<BenchRow> {
  const directory = scratch()
  const store = lmdbStore({ path: `${directory.path}/store` })
  const bare = bareLmdb(`${directory.path}/bare`)
  const pubkeys = Array.from({ length: LMDB_AUTHORS }, (_, number) => author(number))
  await Promise.all([fill(store, { from: 0, to: LMDB_AUTHORS }, LIMITS.max), bare.fill(pubkeys)])
  const { value, baseline } = await compare(store, pubkeys, (round, index) =>
    bare.move(round, pubkeys[index] ?? ''),
  )
  await store.close()
  await bare.close()
  directory.remove()
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

/** Claims one package of every author a round, each for another requester, in turns with the baseline. */
function compare(
  store: KeyPackageStore,
  pubkeys: readonly Pubkey[],
  baseline: (round: number, index: number) => Promise<unknown>,
): Promise<Medians> {
  const claims = pubkeys.map((pubkey, index) => claimBy(`requester ${index}`, pubkey))
  return alternate(
    ROUNDS,
    () =>
      callsPerSecond(claims.length, IN_FLIGHT, (index) =>
        store.claim(claims.slice(index, index + 1), POLICY, NOW),
      ),
    (round) => callsPerSecond(claims.length, IN_FLIGHT, (index) => baseline(round, index)),
  )
}

/** lmdb as it is, with the options of the store, and records as long as an event. */
function bareLmdb(path: string) {
  const root = open({ path, noSubdir: false, overlappingSync: false, eventTurnBatching: false })
  const here = root.openDB<string, [author: string, round: number]>({ name: 'here' })
  const there = root.openDB<string, [author: string, round: number]>({ name: 'there' })
  return {
    fill: (pubkeys: readonly Pubkey[]) =>
      root.transaction(() => {
        for (const pubkey of pubkeys) {
          const { event } = realisticPackage('bare', pubkey)
          for (let round = 0; round < ROUNDS; round++) here.put([pubkey, round], event)
        }
      }),
    move: (round: number, pubkey: string) =>
      root.transaction(() => {
        const event = here.get([pubkey, round]) ?? ''
        there.put([pubkey, round], event)
        here.remove([pubkey, round])
      }),
    close: () => root.close(),
  }
}
