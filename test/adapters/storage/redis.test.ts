/** The Redis store on one server: the contract. */

import { afterAll, beforeAll, describe, it } from '@jest/globals'
import { describeKeyPackageStore } from '../../contract/index.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { RedisStores } from '../../support/redis-stores.ts'

let server: RedisServer
let stores: RedisStores

beforeAll(async () => {
  server = await startRedis()
  stores = new RedisStores(server.url)
})
afterAll(() => server?.stop())

describeKeyPackageStore('the Redis store', () => stores.open(), { describe, it })
