/** The Redis store on one server: the contract. */

import { afterAll, beforeAll, describe, it } from '@jest/globals'
import type { KeyPackageStore } from '../../../plugin/store.ts'
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

const names = new WeakMap<KeyPackageStore, string>()
let opened = 0

async function open(name: string): Promise<KeyPackageStore> {
  const store = await stores.again(name)
  names.set(store, name)
  return store
}

describeKeyPackageStore(
  'the Redis store',
  () => open(`contract-${opened++}`),
  { describe, it },
  { share: (store) => open(names.get(store) ?? ''), signals: 'shared' },
)
