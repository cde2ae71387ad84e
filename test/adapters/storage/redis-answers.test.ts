/** The Redis store hands out nothing after a reply that belongs to another call or author (I4, I7). */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { connectRedis } from '../../../adapters/storage/redis/connection.ts'
import { Scripts } from '../../../adapters/storage/redis/scripts.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  relayListOf,
} from '../../contract/packages.ts'
import { eventually } from '../../support/eventually.ts'
import { testLog } from '../../support/log.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')
const QUOTA = { max: 100, windowSeconds: 60 }

let server: RedisServer
let client: Redis
let store: MovableStore

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url)
  store = await redisStore({ redis: `${server.url}?prefix=test:` })
})
afterAll(async () => {
  await store?.close()
  client?.disconnect()
  await server?.stop()
})
beforeEach(() => client.flushall())

describe('a reply to another call', () => {
  it('is detected and discarded, and its connection is closed', async () => {
    const log = testLog()
    const connection = await connectRedis(server.url, { log })
    const scripts = new Scripts(connection)
    const hit = () => scripts.run('hit', ['hits'], [1, NOW, QUOTA.max, QUOTA.windowSeconds])
    expect(await hit()).toEqual([1, 0])

    // From here on, each call gets the reply to the previous one.
    if (connection.client instanceof Redis) connection.client.stream.write('PING\r\n')
    const answers = await Promise.allSettled([hit(), hit(), hit()])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(answers[0]).toMatchObject({ reason: { code: 'KPG_STORE' } })

    const [granted] = (await eventually('it answers again', hit)) as [number]
    expect(granted).toBe(1)
    await eventually('the log says so', () => log.lines.some(({ fields }) => fields.fault === 'CROSSED'))
    await connection.close()
  })
})

describe('a package of another author than requested', () => {
  beforeEach(async () => {
    for (const name of ['first', 'second']) await store.put(packageNamed(name, bob), LIMITS, NOW)
    const rows = await client.hgetallBuffer(`test:{${bob}}:stock`)
    await client.hset(`test:{${alice}}:stock`, rows)
  })

  it('is not claimed', async () => {
    await expect(store.claim([claimBy('carol', alice)], POLICY, NOW)).rejects.toMatchObject({
      code: 'KPG_STORE',
    })
    const [ofAlice, ofBob] = await store.claim([claimBy('carol', alice), claimBy('carol', bob)], POLICY, NOW)
    expect([ofAlice?.outcome, ofBob?.outcome]).toEqual(['unavailable', 'delivered'])
  })

  it('is not read from the list', async () => {
    const listed = await store.list(alice, NOW)
    expect(listed.length).toBeGreaterThan(0)
    for (const { read } of listed) await expect(read()).rejects.toMatchObject({ code: 'KPG_STORE' })
  })
})

describe('a relay list of another author than requested', () => {
  it('is not returned', async () => {
    await store.putRelayList(relayListOf(bob, NOW), NOW)
    await client.copy(`test:{${bob}}:relays`, `test:{${alice}}:relays`)
    await expect(store.getRelayLists([alice], [10051])).rejects.toMatchObject({ code: 'KPG_STORE' })
    expect((await store.getRelayLists([bob], [10051]))[0]?.pubkey).toBe(bob)
  })
})
