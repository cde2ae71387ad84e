/** The Redis store with Sentinel: the contracts. */

import { afterAll, beforeAll, describe, it } from '@jest/globals'
import { describeKeyPackageStore, describeMovableStore } from '../../contract/index.ts'
import { type RedisSentinel, startSentinel } from '../../support/redis.ts'
import { RedisStores } from '../../support/redis-stores.ts'

let sentinel: RedisSentinel
let stores: RedisStores

beforeAll(async () => {
  sentinel = await startSentinel()
  stores = new RedisStores(sentinel.url)
})
afterAll(() => sentinel?.stop())

describeKeyPackageStore('the Redis store through Sentinel', () => stores.open(), { describe, it })
describeMovableStore('the Redis store through Sentinel', () => stores.open(), { describe, it })
