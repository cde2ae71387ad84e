/** Faults of two gateways on one Redis, which hangs, is killed, is full, or loses its clients. */

import { setTimeout as wait } from 'node:timers/promises'
import { type RedisServer, startRedis } from '../../../support/redis.ts'
import { oneOf } from '../choices.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { Fault, Harm, Stage } from '../stage.ts'
import { cutClients, killOne, noHarm, stepClock } from './of-gateways.ts'

const ALWAYS = ['--appendonly', 'yes', '--appendfsync', 'always']
const EVERY_SECOND = ['--appendonly', 'yes', '--appendfsync', 'everysec']

export const REDIS_FAULTS: readonly Fault[] = [
  { name: 'none-redis', promised: 'yes', open: () => onRedis(() => noHarm) },
  { name: 'kill-gateway-redis', promised: 'yes', open: () => onRedis(killOne) },
  { name: 'cut-clients-redis', promised: 'yes', open: () => onRedis(() => cutClients) },
  { name: 'clock-steps-redis', promised: 'yes', open: () => onRedis(stepClock) },
  { name: 'leave-held-redis', promised: 'yes', open: () => onRedis((_gateways, redis) => leaveHeld(redis)) },
  { name: 'pause-redis', promised: 'yes', open: () => onRedis((_gateways, redis) => pause(redis)) },
  {
    name: 'client-kill-redis',
    promised: 'yes',
    open: () => onRedis((_gateways, redis) => killClients(redis)),
  },
  { name: 'full-redis', promised: 'yes', open: () => onRedis((_gateways, redis) => fill(redis)) },
  {
    name: 'restart-redis',
    promised: 'yes',
    open: () => onRedis((_gateways, redis) => restart(redis), ALWAYS),
  },
  {
    name: 'restart-redis-everysec',
    promised: { no: 'Redis may lose what it wrote last' },
    open: () => onRedis((_gateways, redis) => restart(redis), EVERY_SECOND),
  },
  {
    name: 'restart-redis-unsaved',
    promised: { no: 'Redis keeps nothing' },
    open: () => onRedis((_gateways, redis) => restart(redis)),
  },
]

async function onRedis(
  harm: (gateways: readonly GatewayProcess[], redis: RedisServer) => Harm,
  args: readonly string[] = [],
): Promise<Stage> {
  const redis = await startRedis({ args })
  const gateways = [0, 1].map(() => new GatewayProcess({ store: redis.url }))
  return { gateways, harm: harm(gateways, redis), close: () => redis.stop() }
}

/** Shorter and longer than gateways wait for an answer (I7). */
const PAUSES_MS = [50, 1_000, 2_300]

function pause(redis: RedisServer): Harm {
  return async (clients, random) => {
    await clients.begun(1 + random(20))
    redis.pause()
    await wait(oneOf(random, PAUSES_MS))
    redis.resume()
  }
}

function leaveHeld(redis: RedisServer): Harm {
  return async (clients, random) => {
    await clients.begun(1 + random(20))
    redis.pause()
    await clients.claimAndLeave()
    redis.resume()
  }
}

function restart(redis: RedisServer): Harm {
  return async (clients, random) => {
    await clients.begun(1 + random(20))
    await redis.restart()
  }
}

function killClients(redis: RedisServer): Harm {
  return async (clients, random) => {
    for (let times = 0; times < 5; times++) {
      await clients.begun(1 + random(8))
      for (const type of ['normal', 'pubsub'])
        await redis.command('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes')
    }
  }
}

/** It has all the memory that it may use. */
function fill(redis: RedisServer): Harm {
  return async (clients, random) => {
    await clients.begun(1 + random(20))
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    await clients.begun(20)
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  }
}
