/** What a store does with keys that an incompatible version wrote. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())
beforeEach(() => server.command('FLUSHALL'))

describe('data with another layout', () => {
  it.each([
    ['of an early version', () => server.command('ZADD', 'kpg:due:{17}', '1', 'an author')],
    ['of a future version', () => server.command('SET', 'kpg:layout', '3')],
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
