/** What may grow while a server runs for long: measured every few seconds, and judged at the end. */

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { http } from '../../../support/http.ts'
import { openDescriptors, residentBytes } from '../../../support/process-usage.ts'
import type { Started } from '../topology.ts'
import { type Flatness, flatnessOf, type Sample, type Tolerance } from './flatness.ts'
import { garbageOf } from './garbage.ts'

const MIB = 2 ** 20
const EVERY_MS = 5000
/** A leak of 100 bytes in each operation is 9 MiB in ten minutes of 150 operations a second. */
const OF_MEMORY: Tolerance = { share: 0.05, least: 4 * MIB }
/** V8 gives memory back late and in pieces, so that resident memory says less than the heap. */
const OF_RESIDENT: Tolerance = { share: 0.1, least: 16 * MIB }
const OF_DESCRIPTORS: Tolerance = { share: 0.01, least: 10 }

/** Something that is measured. */
interface Gauge {
  readonly name: string
  readonly unit: 'MiB' | ''
  readonly tolerance: Tolerance
  read(): number | Promise<number>
}

export interface Grown extends Flatness {
  readonly name: string
  readonly unit: Gauge['unit']
}

/** Measures from now until it is asked for the result. */
export async function watchGrowth(started: Started): Promise<() => Promise<Grown[]>> {
  const gauges = gaugesOf(started, await Promise.all(started.servers.map(garbageOf)))
  const samples = gauges.map((): Sample[] => [])
  const over = new AbortController()
  const measuring = measure(gauges, samples, over.signal)
  return async () => {
    over.abort()
    await measuring
    return gauges.map(({ name, unit, tolerance }, index) => {
      return { name, unit, ...flatnessOf(samples[index] ?? [], tolerance) }
    })
  }
}

async function measure(
  gauges: readonly Gauge[],
  samples: readonly Sample[][],
  signal: AbortSignal,
): Promise<void> {
  const begun = performance.now()
  while (!signal.aborted) {
    for (const [index, gauge] of gauges.entries()) {
      const value = await readingOf(gauge)
      if (value !== undefined) samples[index]?.push({ at: (performance.now() - begun) / 1000, value })
    }
    await wait(EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

/** One that cannot be had now is left out, and said. */
async function readingOf(gauge: Gauge): Promise<number | undefined> {
  try {
    return await gauge.read()
  } catch (error) {
    process.stderr.write(`no reading of the ${gauge.name}: ${error}\n`)
    return undefined
  }
}

function gaugesOf(
  { processes, operatorUrls, redis, lmdbPath }: Started,
  collect: readonly (() => Promise<void>)[],
): Gauge[] {
  const servers = processes.filter(({ name }) => name.startsWith('server'))
  const heaps = operatorUrls.map((url, index): Gauge => {
    return {
      name: `heap of ${servers[index]?.name}`,
      unit: 'MiB',
      tolerance: OF_MEMORY,
      read: async () => {
        await collect[index]?.()
        return heapOf(url)
      },
    }
  })
  const ofServers = servers.flatMap(({ name, pid }): Gauge[] => [
    {
      name: `resident memory of ${name}`,
      unit: 'MiB',
      tolerance: OF_RESIDENT,
      read: () => residentBytes(pid),
    },
    { name: `descriptors of ${name}`, unit: '', tolerance: OF_DESCRIPTORS, read: () => openDescriptors(pid) },
  ])
  const ofRedis = redis.map((server, index): Gauge => {
    const read = async () => Number(await server.info('used_memory_dataset'))
    return { name: `data of Redis ${index + 1}`, unit: 'MiB', tolerance: OF_MEMORY, read }
  })
  const file = lmdbPath === undefined ? undefined : join(lmdbPath, 'data.mdb')
  const ofLmdb: Gauge[] =
    file === undefined
      ? []
      : [{ name: 'file of LMDB', unit: 'MiB', tolerance: OF_MEMORY, read: () => statSync(file).size }]
  return [...heaps, ...ofServers, ...ofRedis, ...ofLmdb]
}

/** As its metrics say. */
async function heapOf(operatorUrl: string): Promise<number> {
  const { status, body } = await http(new URL('/metrics', operatorUrl))
  const [, used] = /^\w*nodejs_heap_size_used_bytes (\d\S*)/m.exec(body) ?? []
  if (used === undefined) throw new Error(`the metrics name no heap: ${status} ${body.slice(0, 200)}`)
  return Number(used)
}
