/** Eight processes that claim from one author at the same time, always by compare and set because the last package stays. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { redisStore } from '../../adapters/storage/redis.ts'
import { claimBy, LIMITS, NOW, POLICY } from '../contract/index.ts'
import type { BenchRow } from './row.ts'
import { author, realisticPackage } from './stocked.ts'

const PROCESSES = 8
const IN_FLIGHT = 16
const WARM_UP_MS = 1_000
const MEASURED_MS = 4_000

/** The work of one process. */
interface Work {
  /** How long each claim took, in milliseconds. */
  readonly took: readonly number[]
  readonly unavailable: number
}

export async function benchHotAuthor(url: string): Promise<BenchRow[]> {
  const store = await redisStore({ redis: url })
  await store.put(realisticPackage('hot', author(0), NOW), LIMITS, NOW)
  await store.close()
  const [alone] = await workOf(url, 1)
  const all = await workOf(url, PROCESSES)
  if (alone === undefined) return []
  const claims = all.map(({ took }) => took.length)
  const total = claims.reduce((a, b) => a + b, 0)
  const unavailable = all.reduce((sum, work) => sum + work.unavailable, 0)
  return [
    rowOf('claims of one author, 8 processes', perSecond(total), '/s', perSecond(alone.took.length)),
    rowOf(
      `... p99; ${unavailable} of ${total} unavailable`,
      p99(all.flatMap(({ took }) => took)),
      'ms',
      p99(alone.took),
    ),
    {
      ...rowOf(
        '... of the slowest process',
        perSecond(Math.min(...claims)),
        '/s',
        perSecond(total / PROCESSES),
      ),
      baselineName: 'an equal share',
    },
  ]
}

async function workOf(url: string, processes: number): Promise<Work[]> {
  return Promise.all(
    Array.from({ length: processes }, async (_, number) => {
      const child = fork(fileURLToPath(import.meta.url), [url, `${processes}/${number}`], {
        serialization: 'advanced',
      })
      const [work] = await once(child, 'message')
      return work as Work
    }),
  )
}

function rowOf(name: string, value: number, unit: string, baseline: number): BenchRow {
  const ratio = value / baseline
  return {
    name,
    value,
    unit,
    baseline,
    baselineName: 'one process alone',
    ratio,
    budget: 'none',
    inside: true,
  }
}

function perSecond(claims: number): number {
  return (1000 * claims) / MEASURED_MS
}

function p99(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0
}

async function claimAway(url: string, name: string): Promise<Work> {
  const store = await redisStore({ redis: url })
  const took: number[] = []
  let [unavailable, number] = [0, 0]
  const start = performance.now() + WARM_UP_MS
  const lane = async () => {
    for (let begun = performance.now(); begun < start + MEASURED_MS; begun = performance.now()) {
      const claim = claimBy(`${name} ${number++}`, author(0))
      const isDone = await store.claim([claim], POLICY, NOW).then(
        ([outcome]) => outcome?.outcome === 'delivered',
        () => false,
      )
      if (begun < start) continue
      took.push(performance.now() - begun)
      if (!isDone) unavailable += 1
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  await store.close()
  return { took, unavailable }
}

const [, file, url, name] = process.argv
if (file === fileURLToPath(import.meta.url) && url !== undefined && name !== undefined && process.send) {
  // Disconnecting before the message has left would lose it.
  process.send(await claimAway(url, name), undefined, undefined, () => process.disconnect())
}
