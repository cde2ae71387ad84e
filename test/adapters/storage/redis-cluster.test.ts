/** The Redis store on a cluster: the contracts, and a node that is down. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { listOf } from '../../contract/follow-lists.ts'
import {
  authorNamed,
  claimBy,
  describeKeyPackageStore,
  describeMovableStore,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
} from '../../contract/index.ts'
import { type RedisCluster, startCluster } from '../../support/redis.ts'
import { RedisStores } from '../../support/redis-stores.ts'

let cluster: RedisCluster
let stores: RedisStores

beforeAll(async () => {
  // Nodes that are up must keep serving their slots.
  cluster = await startCluster(3, 0, ['--cluster-require-full-coverage', 'no'])
  stores = new RedisStores(cluster.url)
})
afterAll(() => cluster?.stop())

describeKeyPackageStore('the Redis store on a cluster', () => stores.open(), { describe, it })
describeMovableStore('the Redis store on a cluster', () => stores.open(), { describe, it })

it('the store on a cluster works for a user with the rights of examples/redis', async () => {
  for (const node of cluster.nodes) await node.admit('ann', 'right')
  const store = await redisStore({ redis: cluster.url.replace('//', '//ann:right@') })
  for (const author of ['alice', 'bob', 'carol'].map(authorNamed)) {
    await store.put(packageNamed(`of ${author}`, author), LIMITS, NOW)
    const [outcome] = await store.claim([claimBy('dave', author)], POLICY, NOW)
    expect(outcome).toMatchObject({ outcome: 'delivered' })
    await store.putFollowList(listOf([authorNamed('dave')], { author }))
    expect(await store.follows(author, [authorNamed('dave')])).toBe('followed')
    await store.dropFollowLists(author, { kinds: [3], ids: [], createdUntil: NOW })
  }
  await store.sweep(NOW, POLICY.retireAfterSeconds)
  expect(await store.stats()).toEqual({ authors: 3, packages: 3 })
  await store.close()
})

describe('a cluster with a node down', () => {
  it('fails claims on the authors of that node, and serves the others (I7)', async () => {
    const store = await stores.open()
    const authors = Array.from({ length: 30 }, (_, index) => authorNamed(`${index}`))
    for (const author of authors) await store.put(packageNamed(`of ${author}`, author), LIMITS, NOW)
    await cluster.nodes[0]?.kill()
    const claims = authors.map((author) => claimBy('bob', author))
    const outcomes = await store.claim(claims, POLICY, NOW)
    const kinds = outcomes.map(({ outcome }) => outcome)
    expect(kinds).toHaveLength(30)
    expect(new Set(kinds)).toEqual(new Set(['delivered', 'unavailable']))

    const down = authors[kinds.indexOf('unavailable')] ?? authorNamed('')
    await expect(store.put(packageNamed('new', down), LIMITS, NOW)).rejects.toThrow('Redis')
    await expect(store.claim([claimBy('bob', down)], POLICY, NOW)).rejects.toThrow('Redis')
    await store.close()
  })
})
