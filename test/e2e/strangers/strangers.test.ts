/**
 * What a stranger must not learn without a claim (I4): each question is answered alike, in as many steps, whatever the author
 * has or had. The rows are in questions.ts and authors.ts.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { type RecordedStore, recordedStore } from '../../support/recorded-store.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { RedisStores } from '../../support/redis-stores.ts'
import { startTestServer, type WatchedServer } from '../../support/server.ts'
import { LmdbStores } from '../../support/stores.ts'
import { author, known, PASTS, REPEATED, UNHEARD_OF } from './authors.ts'
import {
  happen,
  inquire,
  MANNERS,
  type Noted,
  note,
  overhear,
  type StartStrangersTarget,
  type StrangersTarget,
} from './inquiry.ts'
import { QUESTIONS } from './questions.ts'

let redis: RedisServer
let redisStores: RedisStores
let observer: Redis
const lmdb = new LmdbStores()

beforeAll(async () => {
  redis = await startRedis()
  redisStores = new RedisStores(redis.url)
  observer = new Redis(redis.url)
  // The server loads each script when it is first used.
  const warm = targetOf('standalone', 'Redis')
  for (const manner of Object.values(MANNERS))
    await withTarget(warm, {}, (target) => inquire(target, { published: [known.oneTime], claims: 0 }, manner))
})
afterAll(async () => {
  observer?.disconnect()
  await redis?.stop()
})

const STORES: Readonly<Record<string, () => KeyPackageStore | Promise<KeyPackageStore>>> = {
  memory: memoryStore,
  LMDB: () => lmdb.open(),
  Redis: () => redisStores.open(),
}

const SERVERS: Readonly<
  Record<string, (store: KeyPackageStore, gateway: OptionsInput) => Promise<WatchedServer>>
> = {
  standalone: (store, gateway) => startTestServer(store, gateway),
  'before a relay': (store, gateway) => startTestProxy({ store, gateway }),
}

/** Every store alone, and the proxy on LMDB, whose answers come from the same session; strangers come in both manners, by turns. */
const COMBINATIONS = Object.keys(SERVERS)
  .flatMap((server, row) =>
    Object.keys(STORES).map((store, column) => {
      const manners = Object.entries(MANNERS)
      const [name, manner] = manners[(row + column) % manners.length] ?? fail()
      return [server, store, name, manner] as const
    }),
  )
  .filter(([server, store]) => server === 'standalone' || store === 'LMDB')

function fail(): never {
  throw new Error('there are manners')
}

function targetOf(server: string, store: string): StartStrangersTarget {
  return async (options) => {
    const recorded = recordedStore(await (STORES[store] ?? memoryStore)())
    const start = SERVERS[server]
    if (start === undefined) throw new Error(server)
    return watched(
      await start(recorded.store, options),
      recorded,
      store === 'Redis' ? workOfRedis() : async () => [],
    )
  }
}

function watched(
  served: WatchedServer,
  { takeCalls, settled }: RecordedStore,
  takeWork: () => Promise<readonly string[]>,
): StrangersTarget {
  const takeSteps = async () => {
    await settled()
    return { calls: takeCalls(), work: await takeWork() }
  }
  return Object.assign(served, { takeSteps })
}

/** Commands that no question causes: of connections, heartbeats and this test, and those that load a script for the first time. */
const BESIDES = new Set([
  'info',
  'ping',
  'client|setinfo',
  'select',
  'subscribe',
  'hello',
  'config|get',
  'quit',
  'eval',
])

/** The commands that the server executed since the last time, those in scripts included. */
function workOfRedis(): () => Promise<string[]> {
  let before = new Map<string, number>()
  return async () => {
    const stats = await observer.info('commandstats')
    const now = new Map(
      [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name = '', calls]) => [
        name,
        Number(calls),
      ]),
    )
    const done = [...now].flatMap(([name, calls]) => {
      const more = calls - (before.get(name) ?? 0)
      return more > 0 && !BESIDES.has(name) ? [`${name} ${more}`] : []
    })
    before = now
    return done.sort()
  }
}

/** Runs one target to its end. */
async function withTarget<Result>(
  start: StartStrangersTarget,
  options: OptionsInput,
  use: (target: StrangersTarget) => Promise<Result>,
): Promise<Result> {
  // Strangers are authors themselves, and would be asked for key packages of their own.
  const target = await start({ ...options, replenish: { enabled: false } })
  try {
    return await use(target)
  } finally {
    await target.stop()
  }
}

describe.each(COMBINATIONS)('%s, on %s, asked by %s', (server, store, _, manner) => {
  const noted = new Map<string, ReadonlyMap<string, Noted>>()

  beforeAll(async () => {
    const asked = Object.entries(PASTS).map(([name, past]) => async () => {
      noted.set(
        name,
        await withTarget(targetOf(server, store), {}, (target) => inquire(target, past, manner)),
      )
    })
    // The work of Redis is that of all its clients.
    if (store === 'Redis') for (const ask of asked) await ask()
    else await Promise.all(asked.map((ask) => ask()))
  })

  it.each([...QUESTIONS.map(([name]) => name), 'AUTH as the author'])(
    '%s is answered alike whatever the author has (I4)',
    (question) => {
      const ofNobody = noted.get(UNHEARD_OF)?.get(question)
      expect(ofNobody).toBeDefined()
      const answers = Object.keys(PASTS).map((past) => [past, noted.get(past)?.get(question)])
      expect(answers).toEqual(Object.keys(PASTS).map((past) => [past, ofNobody]))
    },
  )

  it('a live feed of REQs that match nothing shows nothing that is published later', async () => {
    for (const past of Object.values(PASTS)) {
      await withTarget(targetOf(server, store), {}, async (target) => {
        await happen(target, manner, past)
        expect(await overhear(target, manner)).toEqual([])
      })
    }
  })

  it('quotas over all authors are used up after as many claims that find nothing, and say the same (I5)', async () => {
    const options = { quota: { perRequester: { max: 3 }, perAuthor: { max: 2 } } }
    const nothing = { kinds: [443], authors: [author.pubkey], until: 1 }
    const asked = Array.from({ length: 5 }, () => ['REQ', 's', nothing] as const)
    const answers: [string, unknown][] = []
    for (const [name, past] of Object.entries(PASTS)) {
      const inOnePast = await withTarget(targetOf(server, store), options, async (target) => {
        await happen(target, manner, { ...past, claims: 0 })
        return note(target, manner, asked)
      })
      answers.push([name, inOnePast])
    }
    const [, ofNobody] = answers[0] ?? []
    expect(JSON.stringify(ofNobody)).toContain('rate-limited: 3 queries')
    expect(answers).toEqual(answers.map(([name]) => [name, ofNobody]))
  })

  it.each(server === 'standalone' ? (['gateway'] as const) : (['gateway', 'relay'] as const))(
    'an event that is published again is answered alike, in the stock or used (custody: %s)',
    async (custody) => {
      const answers: [string, unknown][] = []
      for (const [name, { past, event }] of Object.entries(REPEATED)) {
        const { answer, ...steps } = await withTarget(
          targetOf(server, store),
          { custody },
          async (target) => {
            await happen(target, manner, past)
            return note(target, manner, [['EVENT', event]])
          },
        )
        answers.push([
          name,
          { words: answer.map((message) => message.filter((part) => part !== event.id)), ...steps },
        ])
      }
      const [first] = answers
      expect(answers).toEqual(answers.map(([name]) => [name, first?.[1]]))
    },
  )
})
