/** What the Redis store makes of an answer that is not that of its call: nothing is handed out (I4, I7). */

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

describe('an answer to another call', () => {
  it('is recognised, is given to nobody, and ends the connection on which it came', async () => {
    const log = testLog()
    const connection = await connectRedis(server.url, { log })
    const scripts = new Scripts(connection)
    const hit = () => scripts.run('hit', ['hits'], [1, NOW, QUOTA.max, QUOTA.windowSeconds])
    expect(await hit()).toEqual([1, 0])

    // From here on each call is answered with what the one before it asked for.
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

describe('a package that is not of the author who was asked for', () => {
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

describe('a relay list that is not of the author who was asked for', () => {
  it('is given to nobody', async () => {
    await store.putRelayList(relayListOf(bob, NOW))
    await client.copy(`test:{${bob}}:relays`, `test:{${alice}}:relays`)
    await expect(store.getRelayLists([alice])).rejects.toMatchObject({ code: 'KPG_STORE' })
    expect((await store.getRelayLists([bob]))[0]?.pubkey).toBe(bob)
  })
})
