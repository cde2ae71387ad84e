/** Each of our stores can be looked through, and takes over what another remembers. */

import { afterAll, beforeAll, describe, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { describeMovableStore } from '../../contract/index.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { RedisStores } from '../../support/redis-stores.ts'
import { LmdbStores } from '../../support/stores.ts'

const lmdb = new LmdbStores()
let server: RedisServer
let redis: RedisStores

beforeAll(async () => {
  server = await startRedis()
  redis = new RedisStores(server.url)
}, 30_000)
afterAll(async () => {
  lmdb.remove()
  await server?.stop()
})

describeMovableStore('the memory store', async () => memoryStore(), { describe, it })
describeMovableStore('the LMDB store', async () => lmdb.open(), { describe, it })
describeMovableStore('the Redis store', () => redis.open(), { describe, it })
