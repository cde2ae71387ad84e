/** Creates ioredis clients that fail fast, reconnect automatically, and never send a command twice. */

import { Cluster, Command, Redis, type RedisOptions } from 'ioredis'
import { DEFAULT_PREFIX, parseRedisAddress, placeOf, type RedisAddress } from './address.ts'

export type RedisClient = Redis | Cluster

/** A client that is not connected yet, and where it connects to. */
export interface Line {
  readonly client: RedisClient
  /** Prepended to every key and channel. */
  readonly prefix: string
  /** The address for logs, without user and password. */
  readonly place: string
}

/** A CA for the certificate of a `rediss://` server. */
export interface Trust {
  readonly ca: string
}

/** A connection with pending commands on which nothing arrives for this long is considered dead. */
const SILENCE_MS = 1_500

/** A command whose keys are all in one slot. */
export type Words = readonly [command: string, ...words: (string | number | Buffer)[]]

/**
 * A command is never resent (a claim would run twice) and never queued: its caller has been told that it failed.
 *
 * Pipelines of a `Cluster`, including automatic ones, can mix up replies (ioredis 6.0.0): while a node is down, each
 * command of a pipeline picks another node at random and is rejected if that node is not ready. A partly rejected
 * pipeline is never written, and its other commands then receive the replies to later commands.
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
  // A master that became a replica has a successor. Redis 6.2 wraps READONLY in another message inside scripts.
  reconnectOnError: ({ message }: Error) => /\bREADONLY\b/.test(message),
} as const satisfies RedisOptions

/** The same for a cluster: a command without a reply is not retried on another node, because it may have run. */
const CLUSTER_FAIL_FAST = {
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  lazyConnect: true,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  maxRedirections: 4,
  // connection.ts refreshes: the timer of ioredis never stops if the client is closed during a refresh.
  slotsRefreshInterval: 0,
  clusterRetryStrategy: backOff,
} as const

/** @throws StoreError if it is not a valid Redis address */
export function dial(text: string, trust?: Trust): Line {
  const address = parseRedisAddress(text)
  return { client: clientOf(address, trust), prefix: address.prefix, place: placeOf(address) }
}

/** A new client with the settings of another. */
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

/** The client for subscriptions: a separate connection, or the cluster client, which has one itself. */
export function subscriberOf(client: RedisClient): RedisClient {
  return isCluster(client) ? client : client.duplicate({ enableOfflineQueue: true })
}

/** Whether it is a cluster client, even of another copy of ioredis (where `instanceof` fails). */
export function isCluster(client: RedisClient): client is Cluster {
  return 'isCluster' in client && client.isCluster === true
}

/** Whether there is automatic failover. */
export function hasFailover(client: RedisClient): boolean {
  return isCluster(client) || (client.options.sentinels ?? []).length > 0
}

/** The master of the slot of a command's keys, as `host:port`; '' if there is only one server. */
export function masterOf(client: RedisClient, [command, ...words]: Words): string {
  if (!isCluster(client)) return ''
  return client.slots[new Command(command, words).getSlot() ?? 0]?.[0] ?? ''
}

/** The connection to that master; `undefined` if a cluster has none at the moment. */
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
    // Without the ready check, commands fail with LOADING, and the log says so.
    return new Redis({ ...options, ...nodes[0], db, enableReadyCheck: false })
  }
  return new Redis({
    ...options,
    db,
    sentinels: [...nodes],
    name: topology.name,
    sentinelCommandTimeout: SILENCE_MS,
    // Otherwise writes go to the old master until Sentinel demotes it, and are lost.
    failoverDetector: true,
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: { ...trust } }),
  })
}

/** Milliseconds until the next attempt: exponential up to about two seconds, with jitter, without end. */
function backOff(times: number): number {
  return Math.min(2_000, 50 * 2 ** Math.min(times - 1, 6)) * (0.75 + Math.random() / 2)
}
