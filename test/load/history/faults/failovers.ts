/** A replica takes over: because its master is lost, or as planned; on a cluster, and with Sentinel. */

import { setTimeout as wait } from 'node:timers/promises'
import { eventually } from '../../../support/eventually.ts'
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startSentinel,
} from '../../../support/redis.ts'
import { oneOf } from '../choices.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Fault, Harm, Stage } from '../stage.ts'

const NO_WAIT = { no: 'with redis.wait 0, what has not reached the replica is lost' } as const
const FAILOVER_MS = 60_000
/** On a busy machine a server may not answer for half a second: Sentinel would fail over to a replica that has nothing yet. */
const DOWN_AFTER_MS = 2_000

export const FAILOVER_FAULTS: readonly Fault[] = [
  { name: 'lost-master-cluster', promised: 'yes', open: () => onCluster(loseMaster) },
  { name: 'lost-master-sentinel', promised: 'yes', open: () => onSentinel(loseMasterOf) },
  {
    name: 'lost-master-sentinel-no-wait',
    promised: NO_WAIT,
    open: () => onSentinel(loseMasterOf, { wait: 0 }),
  },
  { name: 'planned-failover', promised: 'yes', open: () => onSentinel(failOver) },
  { name: 'planned-failover-no-wait', promised: NO_WAIT, open: () => onSentinel(failOver, { wait: 0 }) },
]

/**
 * With `redis.wait: auto` a gateway notices within a second that a master has a replica again, and until then acknowledges what a
 * second failover would lose.
 */
const settle = () => wait(2_000)

async function onCluster(harm: (cluster: RedisCluster) => Harm): Promise<Stage> {
  const cluster = await startCluster(3, 1)
  const gateways = [0, 1].map(() => new GatewayProcess({ store: cluster.url }))
  return { gateways, harm: harm(cluster), settle, close: () => cluster.stop() }
}

async function onSentinel(harm: (sentinel: RedisSentinel) => Harm, redis: object = {}): Promise<Stage> {
  const sentinel = await startSentinel(DOWN_AFTER_MS)
  await eventually('Sentinel knows the replica', async () =>
    (await sentinel.sentinel.command('SENTINEL', 'REPLICAS', 'main')).includes('slave'),
  )
  const gateways = [0, 1].map(() => new GatewayProcess({ store: sentinel.url, redis }))
  return { gateways, harm: harm(sentinel), settle, close: () => sentinel.stop() }
}

/** kill -9 of a master; it comes back, as a replica, once another is master in its place. */
function loseMaster({ nodes }: RedisCluster): Harm {
  return async (clients, random) => {
    const masters = await mastersOf(nodes)
    await clients.begun(1 + random(20))
    const lost = oneOf(random, masters)
    await lost.kill()
    const others = nodes.filter((node) => node !== lost)
    await eventually(
      'a replica is master',
      async () => (await mastersOf(others)).length === masters.length,
      FAILOVER_MS,
    )
    await lost.start()
    await eventually('it follows', async () => (await lost.info('master_link_status')) === 'up', FAILOVER_MS)
  }
}

/**
 * The lost one keeps nothing, so it comes back only once Sentinel names the other: before that, it would be an empty master. It is told
 * to follow, because Sentinel does so only after ten seconds in which it has answered each time.
 */
function loseMasterOf({ sentinel, master, replica }: RedisSentinel): Harm {
  return async (clients, random) => {
    const [first = master] = await mastersOf([master, replica])
    const other = first === master ? replica : master
    await clients.begun(1 + random(20))
    await first.kill()
    await eventually('the replica is master', () => isMaster(other), FAILOVER_MS)
    const named = () => sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main')
    await eventually('Sentinel names it', async () => (await named()).includes(`${other.port}`), FAILOVER_MS)
    await first.start()
    await first.command('REPLICAOF', '127.0.0.1', String(other.port))
    await eventually('the lost one follows', () => follows(first, other), FAILOVER_MS)
  }
}

function failOver({ sentinel, master, replica }: RedisSentinel): Harm {
  return async (clients, random) => {
    const [first = master] = await mastersOf([master, replica])
    const other = first === master ? replica : master
    await clients.begun(1 + random(20))
    await eventually(
      'Sentinel begins',
      async () => (await sentinel.command('SENTINEL', 'FAILOVER', 'main')) === 'OK',
      FAILOVER_MS,
    )
    await eventually('the replica is master', () => isMaster(other), FAILOVER_MS)
    await eventually('the old master follows', () => follows(first, other), FAILOVER_MS)
  }
}

async function mastersOf(nodes: readonly RedisServer[]): Promise<RedisServer[]> {
  const are = await Promise.all(nodes.map(isMaster))
  return nodes.filter((_, index) => are[index])
}

async function isMaster(node: RedisServer): Promise<boolean> {
  return (await node.info('role')) === 'master'
}

async function follows(node: RedisServer, master: RedisServer): Promise<boolean> {
  const [port, link] = [await node.info('master_port'), await node.info('master_link_status')]
  return port === String(master.port) && link === 'up'
}
