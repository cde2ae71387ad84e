/** What a store does with keys that an incompatible version wrote. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { authorNamed, NOW, relayListOf } from '../../contract/index.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

const alice = authorNamed('alice')
const bob = authorNamed('bob')

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())
beforeEach(() => server.command('FLUSHALL'))

describe('data with another layout', () => {
  it.each([
    ['of an early version', () => server.command('ZADD', 'kpg:due:{17}', '1', 'an author')],
    ['of a future version', () => server.command('SET', 'kpg:layout', '5')],
  ])('%s is refused at the start, with how to migrate it', async (_of, write) => {
    await write()
    await expect(redisStore({ redis: server.url })).rejects.toThrow(
      /^cannot use the data under kpg: in Redis: .* `export` with that version, .* `import` .* \(\?prefix=\.\.\.\)$/,
    )
  })

  it('does not affect a store under another prefix', async () => {
    await server.command('ZADD', 'kpg:due:{17}', '1', 'an author')
    const store = await redisStore({ redis: `${server.url}?prefix=other:` })
    await store.close()
    const again = await redisStore({ redis: `${server.url}?prefix=other:` })
    await again.close()
  })
})

describe('relay lists of a version that kept kind 10051 alone', () => {
  it('are still there, deletions too, and lists of other kinds are kept beside them', async () => {
    const list = relayListOf(alice, NOW)
    const fields = ['version', 'v1', 'event', JSON.stringify(list), 'deletedUntil', `${NOW - 1}`]
    await server.command('HSET', `kpg:{${alice}}:relays`, ...fields)
    await server.command('HSET', `kpg:{${bob}}:relays`, 'version', 'v1', 'deletedUntil', `${NOW}`)
    const store = await redisStore({ redis: server.url })
    const writes = relayListOf(alice, NOW, 'wss://relay.example', 10002)
    expect(await store.putRelayList(writes, NOW)).toBe('stored')
    expect(await store.putRelayList(relayListOf(bob, NOW), NOW)).toBe('deleted')
    expect(await store.getRelayLists([alice, bob], [10051, 10002])).toEqual([list, writes])
    expect(await store.putRelayList(relayListOf(alice, NOW - 1, 'wss://other.example'), NOW)).toBe('deleted')
    await store.close()
  })
})
