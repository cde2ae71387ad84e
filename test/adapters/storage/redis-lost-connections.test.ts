/** Lost connections under load: calls may fail, but none gets the reply to another (I1, I2, I4). */

import { afterEach, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { type RedisServer, startCluster, startPair, startRedis, startSentinel } from '../../support/redis.ts'
import { Storm } from '../../support/redis-storm.ts'

/** `KPG_FAULT_ROUNDS=50` tests longer; each round loses all connections six times. */
const ROUNDS = Number(process.env.KPG_FAULT_ROUNDS ?? 1)
const LOSSES = 6
/** Timeout of one round in milliseconds, also on a busy machine. */
const ROUND_MS = 30_000

const ending: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

interface Place {
  readonly url: string
  readonly masters: readonly RedisServer[]
  readonly waitReplicas?: number
  stop(): Promise<unknown>
}

async function cluster(replicas = 0): Promise<Place> {
  const { url, nodes, stop } = await startCluster(3, replicas, ['--cluster-require-full-coverage', 'no'])
  return { url, masters: nodes.slice(0, 3), waitReplicas: replicas, stop }
}

async function oneServer(): Promise<Place> {
  const server = await startRedis()
  return { url: server.url, masters: [server], stop: () => server.stop() }
}

async function pair(): Promise<Place> {
  const { master, replica } = await startPair()
  const stop = () => Promise.all([master.stop(), replica.stop()])
  return { url: master.url, masters: [master], waitReplicas: 1, stop }
}

async function sentinel(): Promise<Place> {
  // Sentinel's own connection is lost too, which must not look like a master that is down.
  const { url, master, stop } = await startSentinel(30_000)
  return { url, masters: [master], stop }
}

/** Closes all connections, one server after the other, while one node of a cluster is slow to accept new ones. */
async function loseAll(masters: readonly RedisServer[], loss: number, storm: Storm): Promise<void> {
  const [slow, ...others] = [
    ...masters.slice(loss % masters.length),
    ...masters.slice(0, loss % masters.length),
  ]
  await slow?.command(...KILL)
  if (others.length > 0) slow?.pause()
  for (const node of others) {
    await node.command(...KILL)
    await storm.moreAnswers()
  }
  slow?.resume()
}

const KILL = ['CLIENT', 'KILL', 'TYPE', 'normal']

it.each<[where: string, start: () => Promise<Place>]>([
  ['a cluster', () => cluster()],
  ['a cluster, waiting for replicas', () => cluster(1)],
  ['one server', oneServer],
  ['one server, waiting for its replica', pair],
  ['the master that Sentinel names', sentinel],
])(
  'on %s no call is answered with the answer of another',
  async (where, start) => {
    const { url, masters, waitReplicas = 0, stop } = await start()
    ending.push(stop)
    const store = await redisStore({ redis: url, waitReplicas })
    ending.push(() => store.close())
    const storm = await Storm.over(store)
    const lose = (loss: number) => loseAll(masters, loss, storm)

    let wrongRounds = 0
    for (let round = 0; round < ROUNDS; round++) {
      const before = storm.wrong.length
      await storm.blow(LOSSES, lose)
      if (storm.wrong.length > before) wrongRounds += 1
    }
    const { answered, failed } = storm
    if (process.env.KPG_FAULT_ROUNDS) console.info({ where, rounds: ROUNDS, wrongRounds, answered, failed })
    expect({ wrongRounds, wrong: storm.wrong.slice(0, 10) }).toEqual({ wrongRounds: 0, wrong: [] })
    expect(storm.failed).toBeGreaterThan(0)
  },
  ROUND_MS * (ROUNDS + 1),
)
