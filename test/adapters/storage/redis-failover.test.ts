/** How far I1 and I6 hold after a failover, with and without `redis.wait`, on a cluster and with Sentinel. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { type RedisStoreOptions, redisStore } from '../../../adapters/storage/redis.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/packages.ts'
import { eventually } from '../../support/eventually.ts'
import { testLog } from '../../support/log.ts'
import { type RedisCluster, type RedisServer, startCluster, startSentinel } from '../../support/redis.ts'
import { RedisScene } from '../../support/redis-scene.ts'

const AUTHORS = Array.from({ length: 24 }, (_, n) => authorNamed(`${n}`))
const PACKAGES = 6

const ending: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** Claims from every author until each has only the last package left, and records what was handed out. */
class Crowd {
  readonly delivered: string[] = []
  readonly #store: KeyPackageStore
  #round = 0

  constructor(store: KeyPackageStore) {
    this.#store = store
  }

  /** One claim on every author. Resolves to how many failed. */
  async claimAll(): Promise<number> {
    this.#round += 1
    const claims = AUTHORS.map((author) => claimBy(`requester ${this.#round}`, author))
    const outcomes = await this.#store
      .claim(claims, POLICY, NOW)
      .catch(() => claims.map(() => ({ outcome: 'unavailable' as const })))
    for (const outcome of outcomes) {
      if (outcome.outcome === 'delivered' && !outcome.sharedUsed)
        this.delivered.push(...outcome.packages.map(({ id }) => id))
    }
    return outcomes.filter(({ outcome }) => outcome === 'unavailable').length
  }
}

async function stocked(url: string, options: Partial<RedisStoreOptions> = {}): Promise<KeyPackageStore> {
  const store = await redisStore({ redis: url, ...options })
  ending.push(() => store.close())
  for (const author of AUTHORS) {
    const names = Array.from({ length: PACKAGES }, (_, n) => `${author} ${n}`)
    await Promise.all(names.map((name) => store.put(packageNamed(name, author), LIMITS, NOW)))
  }
  return store
}

/** Waits until each replica has caught up with its master. */
async function replicated(nodes: readonly RedisServer[]): Promise<void> {
  await eventually('the replicas have it all', async () => {
    const offsets = await Promise.all(nodes.map((node) => node.info('master_repl_offset')))
    return new Set(offsets).size <= nodes.length / 2
  })
}

async function takenOver({ nodes }: RedisCluster): Promise<void> {
  await eventually('a replica is master', async () => {
    const roles = await Promise.all(nodes.slice(3).map((node) => node.info('role')))
    return roles.includes('master')
  })
}

async function startReplicatedCluster(): Promise<RedisCluster> {
  const cluster = await startCluster(3, 1)
  ending.push(() => cluster.stop())
  return cluster
}

describe('a master of a cluster is killed in the middle of claims, and its replica takes over', () => {
  it('with redis.wait 1: none is handed out twice (I1), none is lost (I6), and claims resume with a new replica', async () => {
    const cluster = await startReplicatedCluster()
    const store = await stocked(cluster.url, { waitReplicas: 1 })
    const [victim] = cluster.nodes
    const crowd = new Crowd(store)

    await crowd.claimAll()
    const [, unanswered] = await Promise.all([victim?.kill(), crowd.claimAll()])
    expect(unanswered).toBeLessThan(AUTHORS.length)
    await takenOver(cluster)
    await victim?.start()
    await eventually('every author is served again', async () => (await crowd.claimAll()) === 0, 60_000)

    expect(new Set(crowd.delivered).size).toBe(crowd.delivered.length)
    expect((await store.count(AUTHORS, NOW)).every((left = 0) => left >= 1)).toBe(true)
  })

  it('without it: the replica keeps what it had received, and serves at once', async () => {
    const cluster = await startReplicatedCluster()
    const store = await stocked(cluster.url, { waitReplicas: 0 })
    const crowd = new Crowd(store)
    await crowd.claimAll()
    await replicated(cluster.nodes)

    await cluster.nodes[0]?.kill()
    await eventually('every author is served again', async () => (await crowd.claimAll()) === 0, 60_000)

    expect(new Set(crowd.delivered).size).toBe(crowd.delivered.length)
    expect((await store.count(AUTHORS, NOW)).every((left = 0) => left >= 1)).toBe(true)
  })

  it('unless the master restarts empty first: its replica copies it, and everything is lost (I6)', async () => {
    const cluster = await startReplicatedCluster()
    const store = await stocked(cluster.url, { waitReplicas: 1 })
    await cluster.nodes[0]?.restart()

    const counts = () => store.count(AUTHORS, NOW)
    await eventually('its authors are as never heard of', async () => (await counts()).includes(undefined))
    expect((await counts()).filter((left) => left === PACKAGES).length).toBeGreaterThan(0)
  })

  it('while the authors on the other masters are served', async () => {
    const cluster = await startCluster(3, 0, ['--cluster-require-full-coverage', 'no'])
    ending.push(() => cluster.stop())
    const log = testLog()
    const store = await stocked(cluster.url, { log })
    const crowd = new Crowd(store)
    await cluster.nodes[0]?.kill()

    const unanswered = await crowd.claimAll()
    expect(unanswered).toBeGreaterThan(0)
    expect(crowd.delivered).toHaveLength(AUTHORS.length - unanswered)
    await eventually('the log says why', () =>
      log.lines.some(({ fields }) => fields.fault === 'ECONNREFUSED'),
    )
  })
})

describe('a replica of a cluster is down', () => {
  it('and without redis.wait nothing is logged, because nothing is affected', async () => {
    const cluster = await startReplicatedCluster()
    const log = testLog()
    const crowd = new Crowd(await stocked(cluster.url, { log, waitReplicas: 0 }))
    await cluster.nodes[5]?.kill()
    await eventually('the cluster has noticed', async () => {
      expect(await crowd.claimAll()).toBe(0)
      return (await cluster.nodes[0]?.command('CLUSTER', 'NODES'))?.includes('slave,fail ')
    })
    expect(log.lines.filter(({ fields }) => 'fault' in fields)).toEqual([])
  })
})

describe('Sentinel reports another master', () => {
  it('and claims continue there without a restart; used packages stay used (I1)', async () => {
    const sentinel = await startSentinel()
    ending.push(() => sentinel.stop())
    const scene = await RedisScene.open(sentinel.url)
    ending.push(() => scene.close())
    const [used, next] = await scene.stock(4)
    expect(await scene.claimedId()).toBe(used.id)
    await replicated([sentinel.master, sentinel.replica])

    await sentinel.master.kill()
    await eventually(
      'it is answered again',
      async () => (await scene.store.count([scene.author.pubkey], NOW))[0] === 3,
      60_000,
    )
    await eventually(
      'the replica is the master',
      async () => (await sentinel.replica.info('role')) === 'master',
    )
    expect(await scene.claimedId()).toBe(next?.id)
    await eventually('the log says so', () => scene.outages.at(-1) === 'over')
  })
})
