/** What a crash of Redis can lose with its current configuration, and what that means for I1 and I6. */

import type { Redis } from 'ioredis'
import type { Logger } from '../../../plugin/context.ts'
import { isCluster } from './clients.ts'
import type { RedisConnection } from './connection.ts'
import { infoOf } from './info.ts'
import type { WaitReplicas } from './replication.ts'

/** How one server persists its data; `unknown` where CONFIG is not allowed, as on managed servers. */
export interface Persistence {
  readonly appendonly: boolean
  readonly appendfsync: 'always' | 'everysec' | 'no' | 'unknown'
  /** The `save` setting: when a snapshot is written; empty means never. */
  readonly snapshots: string
  readonly replicas: number
}

/** Logs one line about the durability of the server. Never throws: it logs a warning if it cannot find out. */
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
    log.warn(
      { waitReplicas },
      'Redis: cannot read the persistence settings; what a crash can lose is unknown',
    )
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

/** A configuration value; `undefined` where the user may not read it. */
async function setting(server: Redis, name: string): Promise<string | undefined> {
  const answer = await server.config('GET', name).catch(() => [])
  return (answer as string[])[1]
}

function isPolicy(text: string | undefined): text is 'always' | 'everysec' | 'no' {
  return text === 'always' || text === 'everysec' || text === 'no'
}

const POLICIES = ['no', 'unknown', 'everysec', 'always'] as const

/** Snapshots alone are weaker than any append-only file; no persistence is weakest. */
function strength({ appendonly, appendfsync, snapshots }: Persistence): number {
  if (appendonly) return 2 + POLICIES.indexOf(appendfsync)
  return snapshots === '' ? 0 : 1
}

interface Meaning {
  readonly level: 'info' | 'warn'
  readonly sentence: string
}

/** What the settings mean for the guarantees of the gateway. */
export function explain(persistence: Persistence, waitReplicas: WaitReplicas): Meaning {
  const { replicas } = persistence
  if (waitReplicas !== 'auto' && waitReplicas > replicas) {
    return {
      level: 'warn',
      sentence: `redis.wait is ${waitReplicas}, but the number of connected replicas is ${replicas}: every write will fail`,
    }
  }
  const crash = afterCrash(persistence)
  return {
    level: crash.level,
    sentence: `Redis: ${crash.sentence}; ${afterFailover(replicas, waitReplicas)}`,
  }
}

function afterCrash({ appendonly, appendfsync, snapshots }: Persistence): Meaning {
  const lost = 'acknowledged key packages can be lost and used ones handed out again'
  if (!appendonly && snapshots === '') {
    return {
      level: 'warn',
      sentence: `no persistence: a restart loses every key package, and used ones can be published again`,
    }
  }
  if (!appendonly && snapshots === 'unknown') {
    return {
      level: 'warn',
      sentence: `no append-only file, snapshot settings not readable: a crash loses changes since the last snapshot: ${lost}`,
    }
  }
  if (!appendonly)
    return {
      level: 'warn',
      sentence: `snapshots only (save ${snapshots}): a crash loses changes since the last snapshot: ${lost}`,
    }
  if (appendfsync === 'always')
    return {
      level: 'info',
      sentence: 'every change is on disk before it is acknowledged',
    }
  if (appendfsync === 'everysec')
    return {
      level: 'warn',
      sentence: `a power failure loses up to two seconds of changes, a process crash the most recent ones: ${lost}`,
    }
  return {
    level: 'warn',
    sentence: `the operating system decides when changes reach the disk: a power failure loses the rest: ${lost}`,
  }
}

function afterFailover(replicas: number, waitReplicas: WaitReplicas): string {
  if (replicas === 0) return 'no replica is connected'
  if (waitReplicas === 0)
    return 'a failover can lose seconds of changes that had not reached the replica (see redis.wait)'
  return `${waitReplicas === 'auto' ? 1 : waitReplicas} of ${replicas} replicas must receive a change before it is acknowledged`
}
