/** Every fault that histories are checked under, and whether the promises hold under it. */

import { startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { oneOf, type Random } from './choices.ts'
import { GatewayProcess } from './gateway-process.ts'
import type { Clients, Fault, Stage } from './stage.ts'

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill-gateway-lmdb',
    promised: 'yes',
    open: async () => onLmdb(killOne),
  },
  {
    name: 'kill-gateway-redis',
    promised: 'yes',
    open: () => onRedis([], (stage) => (clients, random) => killOne(stage)(clients, random)),
  },
]

type Harm = (stage: Pick<Stage, 'gateways'>) => Stage['harm']

function onLmdb(harm: Harm): Stage {
  const gateways = [new GatewayProcess({ store: `lmdb:${scratch()}/store` })]
  return { gateways, harm: harm({ gateways }), close: async () => {} }
}

async function onRedis(args: readonly string[], harm: Harm): Promise<Stage> {
  const redis = await startRedis({ args })
  const gateways = [0, 1].map(() => new GatewayProcess({ store: redis.url }))
  return { gateways, harm: harm({ gateways }), close: () => redis.stop() }
}

function killOne({ gateways }: Pick<Stage, 'gateways'>): Stage['harm'] {
  return async (clients: Clients, random: Random) => {
    await clients.begun(1 + random(20))
    const gateway = oneOf(random, gateways)
    await gateway.kill()
    await gateway.start()
  }
}
