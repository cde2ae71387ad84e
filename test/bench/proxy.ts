/** The proxy against a bare pipe of two WebSockets in front of the same relay, each in a process of its own. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { alternate, median } from './measure.ts'
import { connect, connectAll, end, publish, queries, receive, roundTrips } from './proxy-load.ts'
import { AUTHORS, type Report, type Role } from './proxy-process.ts'
import type { BenchRow } from './row.ts'
import { author } from './stocked.ts'

const PROCESS = fileURLToPath(new URL('./proxy-process.js', import.meta.url))
const ROUNDS = 7
const NOTES = 20_000
const PUBLISHED = 10_000
const TRIPS = 3000
/** In one round; no author is queried twice. */
const CLAIMS = Math.floor(AUTHORS / ROUNDS)
const IDLE = 2000
const BUSY = 200
const NOTES_AT_A_TIME = 50
const BASELINE = 'a bare pipe'

/** A process of the bench, and what it reports. */
class Part {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.url = `ws://127.0.0.1:${port}`
  }

  static async start(role: Role, upstream = ''): Promise<Part> {
    const child = fork(PROCESS, [role, upstream], { execArgv: ['--expose-gc'] })
    const [report] = (await once(child, 'message')) as [{ port: number }]
    return new Part(child, report.port)
  }

  async measure(): Promise<{ resident: number; used: number }> {
    this.#child.send('measure')
    const [report] = (await once(this.#child, 'message')) as [Report]
    return 'used' in report ? report : this.measure()
  }

  stop(): void {
    this.#child.disconnect()
  }
}

interface Parts {
  readonly pipe: Part
  readonly proxy: Part
}

export async function benchProxy(): Promise<BenchRow[]> {
  return withParts(async (parts) => {
    const pipe = await connect(parts.pipe.url)
    const proxy = await connect(parts.proxy.url)
    for (const socket of [pipe, proxy]) {
      await receive(socket, NOTES)
      await publish(socket, PUBLISHED)
      await roundTrips(socket, TRIPS)
    }
    const down = await alternate(
      ROUNDS,
      () => receive(proxy, NOTES),
      () => receive(pipe, NOTES),
    )
    const up = await alternate(
      ROUNDS,
      () => publish(proxy, PUBLISHED),
      () => publish(pipe, PUBLISHED),
    )
    const claims = await alternate(
      ROUNDS,
      (round) =>
        queries(proxy, CLAIMS, (index) => ({ kinds: [443], authors: [author(round * CLAIMS + index)] })),
      () => queries(pipe, CLAIMS, () => ({ kinds: [1], limit: 1 })),
    )
    const trips: Record<'value' | 'baseline', number[]> = { value: [], baseline: [] }
    const p50 = await alternate(
      ROUNDS,
      async () => median(remember(trips.value, await roundTrips(proxy, TRIPS))),
      async () => median(remember(trips.baseline, await roundTrips(pipe, TRIPS))),
    )
    const p99 = { value: percentile(trips.value, 0.99), baseline: percentile(trips.baseline, 0.99) }
    for (const socket of [pipe, proxy]) socket.terminate()
    return [
      rate('proxy, notes/s to a client', down),
      rate('proxy, EVENTs/s from a client', up),
      {
        ...rate('claims/s through the proxy', claims),
        baselineName: 'REQs for one note, through a bare pipe',
        budget: 'at least 0.25 times the baseline',
        inside: claims.value >= 0.25 * claims.baseline,
      },
      added('proxy, p50 of a round trip', p50, 0.1),
      added('proxy, p99 of a round trip', p99, 1),
    ]
  })
}

/**
 * 2,000 idle connections and 200 busy ones, for as many seconds as `--seconds` says. Throws if a note is lost or
 * comes out of order.
 */
export async function benchProxyCrowd(seconds: number): Promise<BenchRow[]> {
  return withParts(async (parts) => {
    const proxy = await crowd(parts.proxy, seconds)
    const pipe = await crowd(parts.pipe, seconds)
    return [
      {
        name: `proxy, memory of one of ${IDLE} idle pairs`,
        value: proxy.perPair,
        unit: 'KiB',
        baseline: pipe.perPair,
        baselineName: BASELINE,
        ratio: proxy.perPair / pipe.perPair,
        budget: 'at most 64 KiB',
        inside: proxy.perPair <= 64,
      },
      rate(`proxy, notes/s to ${BUSY} of ${IDLE + BUSY} clients`, { value: proxy.rate, baseline: pipe.rate }),
      {
        name: 'proxy, memory in use after all have disconnected',
        value: proxy.kept,
        unit: 'MiB',
        baseline: pipe.kept,
        baselineName: BASELINE,
        ratio: proxy.kept / pipe.kept,
        budget: 'at most 8 MiB',
        inside: proxy.kept <= 8,
      },
    ]
  })
}

async function crowd(part: Part, seconds: number) {
  // A first run, so that everything is loaded and compiled before it is measured.
  for (const socket of await connectAll(part.url, 50)) await end(socket)
  const before = await part.measure()
  const idle = await connectAll(part.url, IDLE)
  const loaded = await part.measure()
  const busy = await connectAll(part.url, BUSY)
  const deadline = performance.now() + seconds * 1000
  const received = await Promise.all(
    busy.map(async (socket) => {
      let notes = 0
      for (; performance.now() < deadline; notes += NOTES_AT_A_TIME) await receive(socket, NOTES_AT_A_TIME)
      return notes
    }),
  )
  for (const socket of [...idle, ...busy]) await end(socket)
  const after = await settled(part)
  return {
    perPair: (loaded.resident - before.resident) / IDLE / 1024,
    rate: received.reduce((sum, notes) => sum + notes, 0) / seconds,
    kept: (after.used - before.used) / 1024 / 1024,
  }
}

/** The minimum of memory in use over a while: connections close a little later at the other end. */
async function settled(part: Part): Promise<{ used: number }> {
  let least = await part.measure()
  for (let turn = 0; turn < 10; turn++) {
    await wait(200)
    const now = await part.measure()
    if (now.used < least.used) least = now
  }
  return least
}

async function withParts<Result>(act: (parts: Parts) => Promise<Result>): Promise<Result> {
  const relay = await Part.start('relay')
  const [pipe, proxy] = await Promise.all([Part.start('pipe', relay.url), Part.start('proxy', relay.url)])
  try {
    return await act({ pipe, proxy })
  } finally {
    for (const part of [proxy, pipe, relay]) part.stop()
  }
}

function remember(all: number[], some: number[]): number[] {
  all.push(...some)
  return some
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}

function rate(name: string, { value, baseline }: { value: number; baseline: number }): BenchRow {
  const ratio = value / baseline
  return {
    name,
    value,
    unit: '/s',
    baseline,
    baselineName: BASELINE,
    ratio,
    budget: 'at least 0.85 times the baseline',
    inside: ratio >= 0.85,
  }
}

function added(
  name: string,
  { value, baseline }: { value: number; baseline: number },
  maxMs: number,
): BenchRow {
  return {
    name,
    value,
    unit: 'ms',
    baseline,
    baselineName: BASELINE,
    ratio: value / baseline,
    budget: `at most ${maxMs} ms more`,
    inside: value - baseline <= maxMs,
  }
}
