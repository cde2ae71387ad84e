/** The Redis store against its bare client, on a redis-server of its own that writes nothing to disk. */

import { isCluster } from '../../adapters/storage/redis/clients.ts'
import { connectRedis, type RedisConnection } from '../../adapters/storage/redis/connection.ts'
import { redisStore } from '../../adapters/storage/redis.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import { resolveOptions } from '../../plugin/options.ts'
import { policyOf } from '../../plugin/request/plan.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { claimBy, hex, LIMITS, NOW, POLICY } from '../contract/index.ts'
import { type RedisServer, startCluster, startRedis } from '../support/redis.ts'
import { type Claimants, compareClaims, IN_FLIGHT, ROUNDS } from './claims.ts'
import { benchGrowth } from './growth.ts'
import { alternate, callsPerSecond, microsecondsOf } from './measure.ts'
import { benchQuery } from './query.ts'
import { benchHotAuthor } from './redis-hot.ts'
import type { BenchRow } from './row.ts'
import { author, fill, realisticPackage } from './stocked.ts'

const CLAIM_AUTHORS = 2_000
const CLAIM_BUDGET = 0.65
const DEFAULT_BUDGET = 0.5
/** A put reads, decides and commits: two scripts, and the JSON of an author's packages. */
const PUT_BUDGET = 0.05
const AUTHORS = 1_000_000
const CLAIMS_A_ROUND = 5_000
const WEIGHED_AUTHORS = 2_000
const MANY_AUTHORS = 500
const MANY_ROUNDS = 21
const FLOOD_CLAIMS = 2_000
const FLOOD_ROUNDS = 5

const DEFAULTS = policyOf(resolveOptions({}))
/** Another stranger in each round, as many as are in the share of strangers. */
const STRANGERS: Claimants = {
  policy: DEFAULTS,
  rounds: 6,
  claimOf: (round, index) =>
    claimBy(`connection ${round}/${index}`, author(index), { address: `192.0.${round}.${index}` }),
}

const NO_BUDGET = { budget: 'none', inside: true } as const

const DO_NOTHING = 'return 1'
const MOVE_ONE_RECORD = `
  local record = redis.call('GET', KEYS[1])
  redis.call('SET', KEYS[2], record)
  redis.call('DEL', KEYS[1])
  return record`

interface Place {
  readonly url: string
  /** As in the row's name; a single server if absent. */
  readonly where?: string
}

let opened = 0

export function benchRedisClaims(): Promise<BenchRow[]> {
  return onServer(async (server) => [
    await claimsBeside('an EVALSHA that moves one record', MOVE_ONE_RECORD, server),
    { ...(await claimsBeside('an EVALSHA that does nothing', DO_NOTHING, server)), ...NO_BUDGET },
    await claimsBeside('an EVALSHA that moves one record', MOVE_ONE_RECORD, server, STRANGERS),
    await floodBeside(server),
  ])
}

/** Claims of one author by ever new strangers who have used up their share, asked for as the gateway does: twice. */
async function floodBeside({ url }: Place): Promise<BenchRow> {
  const store = await storeOn({ url }, 'flood', DEFAULTS)
  const connection = await connectRedis(url, { log: console })
  const bare = await bareScript(connection, MOVE_ONE_RECORD)
  await fill(store, { from: 0, to: 1 }, LIMITS.max)
  const { value, baseline } = await alternate(
    FLOOD_ROUNDS,
    (round) =>
      callsPerSecond(FLOOD_CLAIMS, IN_FLIGHT, (index) =>
        claimInFlood(store, `${round}.${index}`, NOW + round),
      ),
    (round) => callsPerSecond(FLOOD_CLAIMS, IN_FLIGHT, (index) => bare(`${round}:${index}`)),
  )
  await Promise.all([store.close(), connection.close()])
  return {
    name: 'claims of one author in a flood of strangers, Redis',
    value,
    unit: '/s',
    baseline,
    baselineName: 'an EVALSHA that moves one record',
    ratio: value / baseline,
    ...NO_BUDGET,
  }
}

async function claimInFlood(store: KeyPackageStore, name: string, now: number): Promise<void> {
  const claim = claimBy(`requester ${name}`, author(0))
  const [outcome] = await store.claim([claim], DEFAULTS, now)
  if (outcome?.outcome === 'needs-known')
    await store.claim([{ ...claim, standing: 'stranger' }], DEFAULTS, now)
}

/** On a cluster of three masters, where each author's claims are calls of their own; also queries for many authors at once. */
export async function benchRedisCluster(): Promise<BenchRow[]> {
  const cluster = await startCluster().catch(skipped)
  if (cluster === undefined) return []
  try {
    return [
      await claimsBeside('an EVALSHA that moves one record', MOVE_ONE_RECORD, {
        url: cluster.url,
        where: 'a Redis cluster',
      }),
      await manyBeside(cluster.url),
    ]
  } finally {
    await cluster.stop()
  }
}

/** Counts and relay lists of many authors, in one call of the store. */
async function manyBeside(url: string): Promise<BenchRow> {
  const store = await storeOn({ url }, 'many')
  const connection = await connectRedis(url, { log: console })
  const authors = Array.from({ length: MANY_AUTHORS }, (_, number) => author(number))
  await fill(store, { from: 0, to: MANY_AUTHORS }, 1)
  const { value, baseline } = await alternate(
    MANY_ROUNDS,
    () =>
      microsecondsOf(() =>
        Promise.all([store.count(authors, NOW), store.getRelayLists(authors, [10051, 10002])]),
      ),
    () =>
      microsecondsOf(() =>
        Promise.all([...authors, ...authors].map((name) => connection.client.get(`bare:${name}`))),
      ),
  )
  await Promise.all([store.close(), connection.close()])
  return {
    name: `counts and relay lists of ${MANY_AUTHORS} authors, a Redis cluster`,
    value,
    unit: 'us',
    baseline,
    baselineName: 'as many GETs on the same client',
    ratio: value / baseline,
    ...NO_BUDGET,
  }
}

/** A new package for each of many authors, who have some already. */
export function benchRedisPuts(): Promise<BenchRow[]> {
  return onServer(async (server) => {
    const store = await storeOn(server, 'puts')
    const connection = await connectRedis(server.url, { log: console })
    const bare = await bareScript(connection, MOVE_ONE_RECORD)
    await fill(store, { from: 0, to: CLAIM_AUTHORS }, 1)
    const putAll = (round: number) => {
      const packages = Array.from({ length: CLAIM_AUTHORS }, (_, number) =>
        realisticPackage(`more ${round}/${number}`, author(number), NOW),
      )
      return callsPerSecond(CLAIM_AUTHORS, IN_FLIGHT, async (index) => {
        const pkg = packages[index]
        if (pkg !== undefined) await store.put(pkg, LIMITS, NOW)
      })
    }
    const warmUps = 3
    for (let round = 0; round < warmUps; round++) await putAll(round)
    const { value, baseline } = await alternate(
      LIMITS.max - 1 - warmUps,
      (round) => putAll(warmUps + round),
      (round) => callsPerSecond(CLAIM_AUTHORS, IN_FLIGHT, (index) => bare(`${round}:${index}`)),
    )
    await Promise.all([store.close(), connection.close()])
    return [
      {
        name: 'puts, Redis, 64 in flight',
        value,
        unit: '/s',
        baseline,
        baselineName: 'an EVALSHA that moves one record',
        ratio: value / baseline,
        budget: `at least ${PUT_BUDGET} times the baseline`,
        inside: value >= PUT_BUDGET * baseline,
      },
    ]
  })
}

export function benchRedisHot(): Promise<BenchRow[]> {
  return onServer(({ url }) => benchHotAuthor(`${url}?prefix=bench-hot:`))
}

export function benchRedisQuery(): Promise<BenchRow[]> {
  return onServer(async (server) => {
    const connection = await connectRedis(server.url, { log: console })
    const move = await bareScript(connection, MOVE_ONE_RECORD)
    const numbers = new Map<Pubkey, number>()
    const rows = await benchQuery('Redis', await storeOn(server, 'query'), {
      fill: async (authors) => {
        for (const pubkey of authors) numbers.set(pubkey, numbers.size)
      },
      moveAll: (round, authors) =>
        Promise.all(authors.map((pubkey) => move(`${round}:${numbers.get(pubkey)}`))),
    })
    await connection.close()
    return rows
  })
}

export function benchRedisGrowth(): Promise<BenchRow[]> {
  return onServer(async (server) => [
    await benchGrowth('Redis', () => storeOn(server, `growth-${opened++}`), AUTHORS, CLAIMS_A_ROUND),
  ])
}

/** Server memory per package with ten packages an author, including everything else the store keeps. */
export function benchRedisBytes(): Promise<BenchRow[]> {
  return onServer(async (server) => {
    const store = await storeOn(server, 'bytes')
    const weigh = async () => Number(await server.info('used_memory'))
    const baseline = realisticPackage('0/0', author(0), NOW).event.length
    const before = await weigh()
    await fill(store, { from: 0, to: WEIGHED_AUTHORS }, LIMITS.max)
    const value = ((await weigh()) - before) / (WEIGHED_AUTHORS * LIMITS.max)
    await store.close()
    return [
      {
        name: 'Redis store, per package',
        value,
        unit: 'bytes',
        baseline,
        baselineName: 'the JSON of its event',
        ratio: value / baseline,
        budget: 'none',
        inside: true,
      },
    ]
  })
}

async function claimsBeside(
  baselineName: string,
  script: string,
  place: Place,
  claimants?: Claimants,
): Promise<BenchRow> {
  const store = await storeOn(place, `claims-${opened++}`, claimants?.policy)
  const connection = await connectRedis(place.url, { log: console })
  const bare = await bareScript(connection, script)
  const { value, baseline } = await compareClaims(
    store,
    CLAIM_AUTHORS,
    (round, index) => bare(`${round}:${index}`),
    claimants,
  )
  const budget = claimants === undefined ? CLAIM_BUDGET : DEFAULT_BUDGET
  await Promise.all([store.close(), connection.close()])
  return {
    name: `claims, ${place.where ?? 'Redis'}, 64 in flight, ${claimants === undefined ? 'strangers off' : 'on defaults'}`,
    value,
    unit: '/s',
    baseline,
    baselineName,
    ratio: value / baseline,
    budget: `at least ${budget} times the baseline`,
    inside: value >= budget * baseline,
  }
}

/** Runs a script on a record as long as an event, of which there is one for each claim. */
async function bareScript(
  { client }: RedisConnection,
  script: string,
): Promise<(name: string) => Promise<unknown>> {
  const { event } = realisticPackage('bare', author(0), NOW)
  const records = Array.from({ length: ROUNDS * CLAIM_AUTHORS }, (_, number) =>
    client.set(`bare:{${Math.floor(number / CLAIM_AUTHORS)}:${number % CLAIM_AUTHORS}}`, event),
  )
  await Promise.all(records)
  const servers = isCluster(client) ? client.nodes('master') : [client]
  const [sha] = await Promise.all(servers.map((server) => server.script('LOAD', script)))
  return (name) => client.call('evalsha', `${sha}`, 2, `bare:{${name}}`, `bare:there:{${name}}`)
}

/** A store that has claimed before, so that it prepares packages for claims under this policy as they come in. */
async function storeOn({ url }: Place, name: string, policy = POLICY) {
  const store = await redisStore({ redis: `${url}?prefix=bench-${name}:` })
  await store.claim([claimBy('anybody', hex('an author without packages'))], policy, NOW)
  return store
}

function skipped(error: unknown): undefined {
  console.error(`SKIPPED: ${error instanceof Error ? error.message : error}`)
}

/** Without redis-server there are no rows, and a message says so. */
async function onServer(bench: (server: RedisServer) => Promise<BenchRow[]>): Promise<BenchRow[]> {
  const server = await startRedis().catch(skipped)
  if (server === undefined) return []
  try {
    return await bench(server)
  } finally {
    await server.stop()
  }
}
