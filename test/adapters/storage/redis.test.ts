/** The Redis store on one server: the contracts, for a user who has no other rights than the one in examples/redis. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { KeyPackageStore, MovableStore } from '../../../plugin/store.ts'
import {
  authorNamed,
  describeKeyPackageStore,
  describeMovableStore,
  LIMITS,
  NOW,
  packageNamed,
} from '../../contract/index.ts'
import { type RedisServer, startPair, startRedis } from '../../support/redis.ts'
import { RedisStores } from '../../support/redis-stores.ts'

const USERS = readFileSync(new URL('../../../examples/redis/users.acl', import.meta.url), 'utf8')
/** For these it takes a replica (below) or a cluster (redis-cluster.test.ts). */
const ELSEWHERE = ['wait', 'cluster|slots', 'cluster|info']

let server: RedisServer
let stores: RedisStores

beforeAll(async () => {
  server = await startRedis()
  await server.admit('gateway', 'right')
  stores = new RedisStores(server.urlFor('gateway', 'right'))
})
afterAll(() => server?.stop())

const names = new WeakMap<KeyPackageStore, string>()
let opened = 0

async function open(name: string): Promise<MovableStore> {
  const store = await stores.again(name)
  names.set(store, name)
  return store
}

const openNew = () => open(`contract-${opened++}`)

describeKeyPackageStore(
  'the Redis store',
  openNew,
  { describe, it },
  { share: (store) => open(names.get(store) ?? ''), signals: 'shared' },
)
describeMovableStore('the Redis store', openNew, { describe, it })

describe('the rights of its user, after all of this', () => {
  it('were enough: only the configuration, which has passwords in it, was refused', async () => {
    const store = await openNew()
    expect(await store.clock?.()).toBeGreaterThan(0)
    await store.close()
    expect(await server.denials()).toEqual(['config|get'])
  })

  it('were all used', async () => {
    const granted = Array.from(USERS.matchAll(/ \+(\S+)/g), ([, command]) => command)
    const called = [...(await server.called()), ...ELSEWHERE]
    expect(granted.filter((command) => !called.includes(command ?? ''))).toEqual([])
  })

  it('are enough to wait for a replica (I6)', async () => {
    const { master, replica } = await startPair()
    await master.admit('gateway', 'right')
    const store = await redisStore({ redis: master.urlFor('gateway', 'right'), waitReplicas: 1 })
    const author = authorNamed('alice')
    expect(await store.put(packageNamed('first', author), LIMITS, NOW)).toBe('stored')
    expect(await master.called()).toContain('wait')
    expect(await master.denials()).toEqual(['config|get'])
    await store.close()
    await Promise.all([master.stop(), replica.stop()])
  })
})
