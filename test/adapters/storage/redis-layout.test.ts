/** What a store does with keys that another version of it wrote. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())
beforeEach(() => server.command('FLUSHALL'))

describe('a store whose keys have another layout', () => {
  it.each([
    ['of the first versions', () => server.command('ZADD', 'kpg:due:{17}', '1', 'an author')],
    ['of a version to come', () => server.command('SET', 'kpg:layout', '3')],
  ])('%s is refused at the start, which says how to move it', async (_of, write) => {
    await write()
    await expect(redisStore({ redis: server.url })).rejects.toThrow(
      /^cannot use the key packages under kpg: in Redis: .* `export` of that version, .* \(\?prefix=\.\.\.\), .* `import`$/,
    )
  })

  it('is left alone by a store under another prefix', async () => {
    await server.command('ZADD', 'kpg:due:{17}', '1', 'an author')
    const store = await redisStore({ redis: `${server.url}?prefix=other:` })
    await store.close()
    const again = await redisStore({ redis: `${server.url}?prefix=other:` })
    await again.close()
  })
})
