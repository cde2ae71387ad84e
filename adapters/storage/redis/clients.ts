/** Creates ioredis clients that fail fast, reconnect automatically, and never send a command twice. */

import { Cluster, Command, type NatMap, Redis, type RedisOptions } from 'ioredis'
import { DEFAULT_PREFIX, parseRedisAddress, placeOf, type RedisAddress } from './address.ts'

export type RedisClient = Redis | Cluster

/** A client that is not connected yet, and where it connects to. */
export interface Line {
  readonly client: RedisClient
  /** Prepended to every key and channel. */
  readonly prefix: string
  /** The address for logs, without user and password. */
  readonly place: string
  /** Undefined for a client that was handed in. */
  readonly address?: RedisAddress
}

/** What an address does not say about how Redis and its Sentinels are reached. */
export interface RedisAccess {
  /** Of `rediss://` servers. */
  readonly tls?: RedisTls
  readonly sentinel?: SentinelAccess
  /** Where an address that a cluster or a Sentinel reports, as `host:port`, is reached from here. */
  readonly natMap?: Readonly<Record<string, { readonly host: string; readonly port: number }>>
}

/** PEM texts, and the host name in the certificate of Redis where it is not the one that Redis is reached by. */
export interface RedisTls {
  /** The CAs that certificates are checked with, in place of the public ones. */
  readonly ca?: string
  /** A client certificate and its private key, where the servers require one. */
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

export interface SentinelAccess {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** `auto` (the default): where the master uses TLS. */
  readonly tls?: 'auto' | 'on' | 'off'
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
  // ioredis would connect to the IP address of a host name, which the certificate does not name.
  dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host),
} as const

/** @throws StoreError if it is not a valid Redis address */
export function dial(text: string, access: RedisAccess = {}): Line {
  const address = parseRedisAddress(text)
  return { client: clientOf(address, access), prefix: address.prefix, place: placeOf(address), address }
}

/** A new client with the settings of another. */
export function likeThis(theirs: RedisClient): Line {
  const redisOptions = { ...FAIL_FAST, keyPrefix: '' }
  const client = isCluster(theirs)
    ? theirs.duplicate([], { ...CLUSTER_FAIL_FAST, keyPrefix: '', redisOptions })
    : withoutComplaints(theirs.duplicate(redisOptions))
  return {
    client,
    prefix: theirs.options.keyPrefix || DEFAULT_PREFIX,
    place: 'the connection that was handed in',
  }
}

/**
 * The client for subscriptions: a separate connection, or the cluster client, which has one itself. Whoever subscribes does so again
 * after each `ready`: where ioredis (6.0.0) does it, and the connection is lost again before the reply, nobody handles the rejection,
 * and the process ends (I9).
 */
export function subscriberOf(client: RedisClient): RedisClient {
  if (isCluster(client)) return client
  return withoutComplaints(client.duplicate({ enableOfflineQueue: true, autoResubscribe: false }))
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

function clientOf(address: RedisAddress, access: RedisAccess): RedisClient {
  const { topology, nodes, tls, username, password } = address
  const natMap: NatMap = { ...access.natMap }
  const options = {
    ...FAIL_FAST,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: { ...access.tls } }),
  }
  if (topology.kind === 'cluster')
    return new Cluster([...nodes], { ...CLUSTER_FAIL_FAST, natMap, redisOptions: options })
  const db = topology.database
  if (topology.kind === 'single') {
    // Without the ready check, commands fail with LOADING, and the log says so.
    return new Redis({ ...options, ...nodes[0], db, enableReadyCheck: false })
  }
  const {
    username: sentinelUsername,
    password: sentinelPassword,
    tls: sentinelTLS,
  } = sentinelOptions(address, access)
  return withoutComplaints(
    new Redis({
      ...options,
      db,
      sentinels: [...nodes],
      name: topology.name,
      natMap,
      sentinelCommandTimeout: SILENCE_MS,
      // Otherwise writes go to the old master until Sentinel demotes it, and are lost.
      failoverDetector: true,
      ...(sentinelUsername !== undefined && { sentinelUsername }),
      ...(sentinelPassword !== undefined && { sentinelPassword }),
      ...(sentinelTLS && { sentinelTLS }),
      ...(tls && { enableTLSForSentinelMode: true }),
    }),
  )
}

/**
 * Keeps ioredis from writing to stderr, beside the log, that a Sentinel cannot be reached to hear of failovers from it: those
 * clients have no listener for errors, and it gives no way to add one.
 */
function withoutComplaints(client: Redis): Redis {
  const connector: object = Reflect.get(client, 'connector')
  const connectToSentinel: unknown = Reflect.get(connector, 'connectToSentinel')
  if (typeof connectToSentinel !== 'function') return client
  Reflect.set(connector, 'connectToSentinel', (...call: unknown[]) => {
    const sentinel: Redis = Reflect.apply(connectToSentinel, connector, call)
    return sentinel.on('error', () => undefined)
  })
  return client
}

/** How each Sentinel is reached. Its certificate names the host of the address, whatever that of Redis names. */
export function sentinelOptions(
  { tls }: RedisAddress,
  { tls: { servername: _, ...trust } = {}, sentinel = {} }: RedisAccess,
): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
  const { username, password, tls: own = 'auto' } = sentinel
  const usesTls = own === 'auto' ? tls : own === 'on'
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(usesTls && { tls: { ...trust } }),
  }
}

/** Milliseconds until the next attempt: exponential up to about two seconds, with jitter, without end. */
function backOff(times: number): number {
  return Math.min(2_000, 50 * 2 ** Math.min(times - 1, 6)) * (0.75 + Math.random() / 2)
}
