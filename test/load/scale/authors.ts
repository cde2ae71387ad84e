/** What a store with many authors costs: to fill, to open, to claim from, to sweep and to survey; and how many bytes an author takes. */

import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { silent } from '../../../plugin/context.ts'
import { surveyStock } from '../../../plugin/lifecycle/stock-survey.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { author } from '../../bench/stocked.ts'
import { claimBy, DAY, LIMITS, NOW, POLICY } from '../../contract/index.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { folderBytes, type Row, Spent } from './figures.ts'
import { fillStore, inLanes } from './filling.ts'

export const STORES = ['memory', 'lmdb', 'redis'] as const
export type StoreKind = (typeof STORES)[number]

const CLAIMS = 20_000
const IN_FLIGHT = 64
const LMDB_PUTS_AT_ONCE = 512
/** Authors whose bytes are weighed with ten packages each. */
const WEIGHED = 10_000

interface Place {
  open(): Promise<KeyPackageStore>
  bytes(): Promise<number>
  readonly redis: RedisServer | undefined
  close(): Promise<void>
}

/** @param count how many authors, each with one package */
export async function measureAuthors(
  kind: StoreKind,
  count: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const place = await placeFor(kind)
  let store = await place.open()
  const empty = await place.bytes()
  const spent = new Spent(place.redis)
  const atOnce = kind === 'lmdb' ? LMDB_PUTS_AT_ONCE : undefined
  const filling = { author, now: NOW, expiresAt: NOW + 90 * DAY, ...(atOnce && { atOnce }) }
  const row = (what: string, value: string): Row => ({ what: `${kind}, ${what}`, value })
  const rows: Row[] = []
  const add = (what: string, value: string) => {
    rows.push(row(what, value))
    say(`${kind}, ${what}: ${value}`)
  }

  const puts = await spent.during(async () => {
    await fillStore(store, { ...filling, authors: count, packages: 1 })
  })
  const one = (await place.bytes()) - empty
  add('bytes an author with one package', `${Math.round(one / count)}`)
  add('a put', puts.each(count))

  if (kind !== 'memory') {
    await store.close()
    const opening = await spent.during(async () => {
      store = await place.open()
      await store.count([author(0)], NOW)
    })
    add('from opening to the first answer', opening.inAll())
  }
  add(`a claim among ${count.toLocaleString('en')} authors`, (await claims(store, spent, count)).each(CLAIMS))
  const survey = await spent.during(async () => {
    const found = await surveyStock({ store, low: 5, now: () => NOW }, {})
    if (found.authors !== count) throw new Error(`the survey found ${found.authors} authors`)
  })
  add('a survey of all', survey.inAll())
  add('counting the authors', (await spent.during(() => store.countAuthors())).inAll())
  add(
    `a sweep after ${CLAIMS.toLocaleString('en')} claims`,
    (await spent.during(() => store.sweep(NOW, 86_400))).inAll(),
  )

  const before = await place.bytes()
  const more = { authors: WEIGHED, packages: LIMITS.max }
  await fillStore(store, { ...filling, ...more, author: (number) => author(count + number) })
  const ten = ((await place.bytes()) - before) / WEIGHED
  add('bytes an author with ten packages', `${Math.round(ten)}`)
  await store.close()
  await place.close()
  return rows
}

function claims(store: KeyPackageStore, spent: Spent, count: number) {
  const claim = (index: number) => {
    const among = (Math.imul(index, 2_654_435_761) >>> 0) % count
    return store.claim([claimBy(`requester ${index}`, author(among))], POLICY, NOW)
  }
  return spent.during(() => inLanes(CLAIMS, IN_FLIGHT, claim))
}

async function placeFor(kind: StoreKind): Promise<Place> {
  if (kind === 'redis') {
    const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] })
    return {
      redis,
      open: () => redisStore({ redis: redis.url, log: silent }),
      bytes: async () => Number(await redis.info('used_memory')),
      close: () => redis.stop(),
    }
  }
  if (kind === 'lmdb') {
    const path = join(scratch(), 'store')
    return {
      redis: undefined,
      open: async () => lmdbStore({ path }),
      bytes: async () => folderBytes(path),
      close: async () => {},
    }
  }
  return {
    redis: undefined,
    open: async () => memoryStore(),
    bytes: async () => {
      await nextTurn()
      globalThis.gc?.()
      return process.memoryUsage().heapUsed
    },
    close: async () => {},
  }
}
