/** Makes ioredis clients that fail fast, come back by themselves, and never run a command twice. */

import { Cluster, Command, Redis, type RedisOptions } from 'ioredis'
import { DEFAULT_PREFIX, parseRedisAddress, placeOf, type RedisAddress } from './address.ts'

export type RedisClient = Redis | Cluster

/** A client, not connected yet. */
export interface Line {
  readonly client: RedisClient
  /** Put before every key and channel. */
  readonly prefix: string
  /** For logs: where it leads, without user and password. */
  readonly place: string
}

/** Trusted beside what the system trusts, for the certificate of a `rediss://` server. */
export interface Trust {
  readonly ca: string
}

/** A connection on which nothing arrives for so long, though something was asked, is taken for dead. */
const SILENCE_MS = 1_500

/** A command whose keys all lie in one slot. */
export type Words = readonly [command: string, ...words: (string | number | Buffer)[]]

/**
 * A command that was sent is never sent again (a claim would run twice), and none is kept for later: whoever asked
 * has been told that it failed.
 *
 * Pipelines of a `Cluster`, which automatic ones are too, hand answers to the wrong commands (ioredis 6.0.0): while a
 * node is gone each command of a pipeline picks another at random, and is refused where that one is not ready. A
 * pipeline of which a part was refused is never written, and the rest of it waits for the answers of later commands.
 */
const FAIL_FAST = {
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  socketTimeout: SILENCE_MS,
  connectTimeout: SILENCE_MS,
  disconnectTimeout: 500,
  maxLoadingRetryTime: 500,
  lazyConnect: true,
  retryStrategy: backOff,
  // A master that became a replica has a successor elsewhere. Redis 6.2 wraps the word where a script met it.
  reconnectOnError: ({ message }: Error) => /\bREADONLY\b/.test(message),
} as const satisfies RedisOptions

/** The same for a cluster: what a node did not answer is not tried on another, since it may have run. */
const CLUSTER_FAIL_FAST = {
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  lazyConnect: true,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  maxRedirections: 4,
  // connection.ts does it: the timer of ioredis goes on for ever where the client is closed during a refresh.
  slotsRefreshInterval: 0,
  clusterRetryStrategy: backOff,
} as const

/** @throws StoreError when it is no address of Redis */
export function dial(text: string, trust?: Trust): Line {
  const address = parseRedisAddress(text)
  return { client: clientOf(address, trust), prefix: address.prefix, place: placeOf(address) }
}

/** A client of our own with the settings of another. */
export function likeThis(theirs: RedisClient): Line {
  const redisOptions = { ...FAIL_FAST, keyPrefix: '' }
  const client = isCluster(theirs)
    ? theirs.duplicate([], { ...CLUSTER_FAIL_FAST, keyPrefix: '', redisOptions })
    : theirs.duplicate(redisOptions)
  return {
    client,
    prefix: theirs.options.keyPrefix || DEFAULT_PREFIX,
    place: 'the connection that was handed in',
  }
}

/** Where to subscribe: its own connection, or the cluster, which keeps one for that. */
export function subscriberOf(client: RedisClient): RedisClient {
  return isCluster(client) ? client : client.duplicate({ enableOfflineQueue: true })
}

/** Whether it is a cluster, also one of another copy of ioredis. */
export function isCluster(client: RedisClient): client is Cluster {
  return 'isCluster' in client && client.isCluster === true
}

/** Whether a replica takes over by itself where a master is gone. */
export function hasFailover(client: RedisClient): boolean {
  return isCluster(client) || (client.options.sentinels ?? []).length > 0
}

/** Where the keys of a command lie: the name of the master of their slot; '' where there is one server. */
export function masterOf(client: RedisClient, [command, ...words]: Words): string {
  if (!isCluster(client)) return ''
  return client.slots[new Command(command, words).getSlot() ?? 0]?.[0] ?? ''
}

/** The connection to the master of that name; `undefined` where a cluster has none at the moment. */
export function connectionTo(client: RedisClient, master: string): Redis | undefined {
  if (!isCluster(client)) return client
  return client.nodes('master').find(({ options }) => `${options.host}:${options.port}` === master)
}

function clientOf({ topology, nodes, tls, username, password }: RedisAddress, trust?: Trust): RedisClient {
  const options = {
    ...FAIL_FAST,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: { ...trust } }),
  }
  if (topology.kind === 'cluster')
    return new Cluster([...nodes], { ...CLUSTER_FAIL_FAST, redisOptions: options })
  const db = topology.database
  if (topology.kind === 'single') {
    // Without the check that waits for its end, LOADING is what each command hears, and what the log says.
    return new Redis({ ...options, ...nodes[0], db, enableReadyCheck: false })
  }
  return new Redis({
    ...options,
    db,
    sentinels: [...nodes],
    name: topology.name,
    sentinelCommandTimeout: SILENCE_MS,
    // Else the old master is written to until Sentinel makes it a replica, and what it took in is lost.
    failoverDetector: true,
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: { ...trust } }),
  })
}

/** Milliseconds before the next try: soon, then every two seconds or so; never given up, and not all at once. */
function backOff(times: number): number {
  return Math.min(2_000, 50 * 2 ** Math.min(times - 1, 6)) * (0.75 + Math.random() / 2)
}
