/** What a crash of Redis can lose, as it is set up now, and what that means for I1 and I6. */

import type { Redis } from 'ioredis'
import type { Logger } from '../../../plugin/context.ts'
import { isCluster } from './clients.ts'
import type { RedisConnection } from './connection.ts'
import { infoOf } from './info.ts'
import type { WaitReplicas } from './replication.ts'

/** How one server keeps its data; `unknown` where it does not say, as managed ones do. */
export interface Persistence {
  readonly appendonly: boolean
  readonly appendfsync: 'always' | 'everysec' | 'no' | 'unknown'
  /** `save` of its configuration: when it writes a snapshot; empty is never. */
  readonly snapshots: string
  readonly replicas: number
}

/** Says in one line of the log what the server promises. Never fails: what it cannot learn, it says so. */
export async function logDurability(connection: RedisConnection, log: Logger): Promise<void> {
  const { client, waitReplicas } = connection
  const servers = isCluster(client) ? client.nodes('master') : [client]
  try {
    const all = await connection.within(Promise.all(servers.map(readPersistence)))
    const [weakest] = all.toSorted((a, b) => strength(a) - strength(b) || a.replicas - b.replicas)
    if (weakest === undefined) return
    const { level, sentence } = explain(weakest, waitReplicas)
    log[level]({ ...weakest, waitReplicas }, sentence)
  } catch {
    log.warn({ waitReplicas }, 'Redis does not say how it keeps its data; what a crash can lose is not known')
  }
}

async function readPersistence(server: Redis): Promise<Persistence> {
  const info = await infoOf(server)
  const [appendfsync, save] = await Promise.all([setting(server, 'appendfsync'), setting(server, 'save')])
  return {
    appendonly: info.get('aof_enabled') === '1',
    appendfsync: isPolicy(appendfsync) ? appendfsync : 'unknown',
    snapshots: save ?? 'unknown',
    replicas: Number(info.get('connected_slaves') ?? 0),
  }
}

/** A value of the configuration; `undefined` where we may not read it. */
async function setting(server: Redis, name: string): Promise<string | undefined> {
  const answer = await server.config('GET', name).catch(() => [])
  return (answer as string[])[1]
}

function isPolicy(text: string | undefined): text is 'always' | 'everysec' | 'no' {
  return text === 'always' || text === 'everysec' || text === 'no'
}

const POLICIES = ['no', 'unknown', 'everysec', 'always'] as const

/** Snapshots alone are weaker than any log, and nothing at all is weakest. */
function strength({ appendonly, appendfsync, snapshots }: Persistence): number {
  if (appendonly) return 2 + POLICIES.indexOf(appendfsync)
  return snapshots === '' ? 0 : 1
}

interface Meaning {
  readonly level: 'info' | 'warn'
  readonly sentence: string
}

/** What the setting means for the promises of the gateway. */
export function explain(persistence: Persistence, waitReplicas: WaitReplicas): Meaning {
  const { replicas } = persistence
  if (waitReplicas !== 'auto' && waitReplicas > replicas) {
    return {
      level: 'warn',
      sentence: `redis.wait is ${waitReplicas} and Redis has ${replicas} replicas: no key package can be kept`,
    }
  }
  const crash = afterCrash(persistence)
  return {
    level: crash.level,
    sentence: `Redis: ${crash.sentence}; ${afterFailover(replicas, waitReplicas)}`,
  }
}

function afterCrash({ appendonly, appendfsync, snapshots }: Persistence): Meaning {
  const lost = 'acknowledged packages are gone (I6) and used ones are handed out again (I1, I3)'
  if (!appendonly && snapshots === '') {
    return {
      level: 'warn',
      sentence: `nothing is on disk: a restart loses every package (I6), and what was used can be published again (I3)`,
    }
  }
  if (!appendonly && snapshots === 'unknown') {
    return {
      level: 'warn',
      sentence: `at most snapshots, of which this user may not know: a crash loses what came after the last: ${lost}`,
    }
  }
  if (!appendonly)
    return {
      level: 'warn',
      sentence: `only snapshots (save ${snapshots}): a crash loses what came after the last: ${lost}`,
    }
  if (appendfsync === 'always')
    return {
      level: 'info',
      sentence: 'every change is on disk before it is acknowledged (I1 and I6 hold in a crash)',
    }
  if (appendfsync === 'everysec')
    return {
      level: 'warn',
      sentence: `a crash of its machine loses up to two seconds, and one of its process the last moment: ${lost}`,
    }
  return {
    level: 'warn',
    sentence: `when changes reach the disk is up to its system: a crash of its machine loses what did not: ${lost}`,
  }
}

function afterFailover(replicas: number, waitReplicas: WaitReplicas): string {
  if (replicas === 0) return 'no replica takes over'
  if (waitReplicas === 0)
    return 'a replica that takes over lacks what had not reached it: seconds of changes in a failover (redis.wait)'
  return `${waitReplicas === 'auto' ? 1 : waitReplicas} of ${replicas} replicas have a change before it is acknowledged`
}
