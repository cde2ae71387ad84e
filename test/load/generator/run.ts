/** One run: starts what is needed, plays a day on it, and judges what was seen. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { person } from '../../support/people.ts'
import { stopwatch } from '../../support/process-usage.ts'
import { seededFractions } from '../../support/random.ts'
import { CLAIMED_AUTHORS } from './acts/asking.ts'
import { SETTLING_IN, STORED } from './acts/publishing.ts'
import type { World } from './acts/world.ts'
import { nowSeconds } from './acts/world.ts'
import { crowdOf, morning, playDay } from './day.ts'
import { type Difference, flagsOf, NOTHING_DIFFERS, SHORT_LIVES } from './differences.ts'
import { Journal } from './journal.ts'
import { judge, type Verdict } from './judging/judge.ts'
import { policyOf } from './judging/policy.ts'
import { type Latency, latencyIn, Meters } from './meters.ts'
import type { LoadOptions } from './options.ts'
import { type Author, People } from './people.ts'
import { type Grown, watchGrowth } from './soak/growth.ts'
import { Supply } from './supply.ts'
import { type Started, start } from './topology.ts'

export interface LoadResult {
  readonly description: string
  readonly settings: readonly string[]
  readonly seed: number
  readonly authors: number
  readonly inviters: number
  readonly seconds: number
  /** Authors asked for, and key packages stored, in a second. */
  readonly claimsASecond: number
  readonly storedASecond: number
  /** How often the server asked an author for packages. */
  readonly asked: number
  readonly latencies: Readonly<Record<string, Latency>>
  readonly errors: Readonly<Record<string, number>>
  /** How late the generator began what was due, and how long its own event loop was kept, in milliseconds. */
  readonly lateness: Latency
  readonly ownDelay: { readonly p99: number; readonly max: number }
  /** Operations, and processor seconds for 1,000 of them, by process. */
  readonly operations: number
  readonly processor: Readonly<Record<string, number>>
  /** What was watched in a soak. */
  readonly grown: readonly Grown[]
  readonly verdict: Verdict
}

export async function runLoad(options: LoadOptions, say: (line: string) => void): Promise<LoadResult> {
  const difference = options.watch === 'growth' ? SHORT_LIVES : NOTHING_DIFFERS
  const started =
    options.urls.length > 0 ? theirs(options) : await start(options, flagsOf(difference.options))
  try {
    return await runOn(started, options, difference, say)
  } finally {
    await started.stop()
  }
}

async function runOn(
  started: Started,
  options: LoadOptions,
  difference: Difference,
  say: (line: string) => void,
): Promise<LoadResult> {
  const { seed, seconds, publishes } = options
  const policy = policyOf(difference.options)
  const crowd = crowdOf(options, policy.perRequester.windowSeconds)
  const journal = new Journal()
  const meters = new Meters()
  const now = nowSeconds()
  say(`${started.description}; seed ${seed}; ${crowd.authors} authors, ${crowd.inviters} people who invite`)
  say(`settings that differ from the defaults: ${started.settings.join(' ') || 'unknown'}`)
  const buried = started.relayUrl === undefined ? [] : await bury(started.relayUrl, journal, seed, now)
  const asked: Author[] = []
  const { urls } = started
  const { lifetimeSeconds } = difference
  const people = People.gather({ ...crowd, seed, urls, journal, now, lifetimeSeconds }, (author) => {
    meters.count('asked for packages')
    asked.push(author)
  })
  const world: World = {
    people,
    journal,
    meters,
    fraction: seededFractions(seed),
    asked,
    relay: started.relayUrl === undefined ? 'none' : 'behind',
    policy,
    buried,
    gone: new Set(),
  }
  await morning(world, difference.reserve === 'none' ? 0 : publishes * seconds)
  const stored = meters.counted(STORED)
  say(`${journal.published.length} key packages are published, and those of the day are made; it begins`)

  const processorTimes = stopwatch([{ name: 'generator', pid: process.pid }, ...started.processes])
  const growth = options.watch === 'growth' ? await watchGrowth(started) : async () => []
  const loop = monitorEventLoopDelay({ resolution: 5 })
  loop.enable()
  const lateness = await playDay(world, options)
  loop.disable()
  const processor = processorTimes()
  const grown = await growth()
  for (const device of people.devices) device.leave()
  // What was sent and not answered is written into the journal now, as lost: the judge must know that it may have happened.
  await nextTurn()

  const latencies = Object.fromEntries([...meters.latencies].filter(([name]) => name !== SETTLING_IN))
  const operations = Object.values(latencies).reduce((sum, { count }) => sum + count, 0)
  const perThousand = ([name, used]: [string, number]) => [name, (used / operations) * 1000] as const
  return {
    description: started.description,
    settings: started.settings,
    seed,
    ...crowd,
    seconds,
    claimsASecond: meters.counted(CLAIMED_AUTHORS) / seconds,
    storedASecond: (meters.counted(STORED) - stored) / seconds,
    asked: meters.counted('asked for packages'),
    latencies,
    errors: Object.fromEntries(meters.errors),
    lateness: latencyIn(lateness),
    ownDelay: { p99: loop.percentile(99) / 1e6, max: loop.max / 1e6 },
    operations,
    processor: Object.fromEntries([...processor].map(perThousand)),
    grown,
    verdict: judge(journal, policy),
  }
}

/** Servers that run already, of whose machine nothing is known. */
function theirs({ urls }: LoadOptions): Started {
  const description = `the server at ${urls.join(', ')}`
  return {
    urls,
    servers: [],
    operatorUrls: [],
    description,
    settings: [],
    processes: [],
    redis: [],
    stop: async () => {},
  }
}

const BURIED = 20

/** Key packages that the relay had before there was a gateway. */
async function bury(relayUrl: string, journal: Journal, seed: number, now: number): Promise<string[]> {
  const socket = new WebSocket(relayUrl, { perMessageDeflate: false })
  await new Promise((resolve) => socket.once('open', resolve))
  const ids: string[] = []
  for (let index = 0; index < BURIED; index++) {
    const supply = new Supply(person(`buried ${seed} ${index}`), 'pika')
    for (const { id, author, kind, frame } of await supply.next(now)) {
      journal.knowPackage(id, author, kind)
      const answered = new Promise((resolve) => socket.once('message', resolve))
      socket.send(frame)
      await answered
      ids.push(id)
    }
  }
  socket.close()
  return ids
}
