/** One process's connection to Redis: checked at start, monitored and restored in outages, closed at the end. */

import type { Logger } from '../../../plugin/context.ts'
import { StoreError } from '../../../plugin/store.ts'
import {
  dial,
  hasFailover,
  isCluster,
  type Line,
  likeThis,
  masterOf,
  type RedisAccess,
  type RedisClient,
  subscriberOf,
  type Words,
} from './clients.ts'
import { diagnose } from './diagnosis.ts'
import { type Fault, FaultLog, faultOf, lastingOf, NO_CONNECTION } from './faults.ts'
import { Gathering } from './gathering.ts'
import { ReplicatedWrites, type WaitReplicas } from './replication.ts'

/** A call fails after this long without an answer, so that key packages fail closed in time (I7). */
const ANSWER_MS = 1_900
const START_MS = 4_000
const PROBE_INTERVAL_MS = 250
const HEARTBEAT_MS = 5_000
/** How often a master without a replica is asked whether it has one: until then a failover loses what was acknowledged. */
const REPLICA_MS = 1_000
/** How often the slot map of a cluster is refreshed. */
const SLOTS_MS = 1_000
/** Enough keys to hit every master of a cluster, except very small ones. */
const CLUSTER_PROBES = 100

export interface ConnectOptions extends RedisAccess {
  readonly log: Logger
  /** How many replicas must have a write before it is acknowledged (I6); `auto` by default, 0 for none. */
  readonly waitReplicas?: WaitReplicas
}

export interface RedisConnection {
  readonly client: RedisClient
  /** For subscriptions only. It is to subscribe again after each `ready`. On a cluster it is `client`, which does so itself. */
  readonly subscriber: RedisClient
  /** Prepended to every key and channel. */
  readonly prefix: string
  readonly waitReplicas: WaitReplicas
  /**
   * Awaits commands sent on `client`, with a timeout. Failures are logged once per outage.
   * @throws StoreError within 2 s; its message contains nothing of the commands
   */
  within<Answer>(pending: Promise<Answer>): Promise<Answer>
  /** Sends a read-only command for one slot. @throws what the client throws */
  read(words: Words): Promise<unknown>
  /**
   * Sends a command that changes one slot; with `waitReplicas`, it succeeds only once the replicas have it (I6).
   * @throws what the client throws, so that callers can detect NOSCRIPT; wrap it in `within`
   */
  write(words: Words): Promise<unknown>
  /** What was sent leaves now, instead of at the end of the event loop turn. */
  flush(): void
  /** Drops all connections after one has returned a reply to the wrong call. Pending commands fail. */
  distrust(): void
  close(): Promise<void>
}

/**
 * Connects, and checks with a write that the server is usable. Reconnects after later outages.
 * @param target an address as `parseRedisAddress` accepts it, or an ioredis client whose settings are copied for new
 *   connections; the client itself is never used or closed
 * @throws StoreError within a few seconds, with what to do
 */
export async function connectRedis(
  target: string | RedisClient,
  options: ConnectOptions,
): Promise<RedisConnection> {
  const line = typeof target === 'string' ? dial(target, options) : likeThis(target)
  const connection = new Connection(line, options)
  try {
    await connection.start()
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}

class Connection implements RedisConnection {
  readonly client: RedisClient
  readonly subscriber: RedisClient
  readonly prefix: string
  readonly waitReplicas: WaitReplicas
  readonly #log: Logger
  readonly #place: string
  readonly #diagnose: (fault: Fault) => Promise<Fault>
  readonly #replicated: ReplicatedWrites
  readonly #faults: FaultLog
  readonly #gathering: Gathering
  #started = false
  #startFault: unknown
  /** Why a node of a cluster could not be reached at the last attempt. */
  #nodeFault: Fault | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #looking: NodeJS.Timeout | undefined
  #slots: NodeJS.Timeout | undefined
  #probing: NodeJS.Timeout | undefined
  #failedSinceProbe = false

  constructor({ client, prefix, place, address }: Line, options: ConnectOptions) {
    const { log, waitReplicas = 'auto' } = options
    this.client = client
    this.subscriber = subscriberOf(client)
    this.#gathering = new Gathering(client)
    this.prefix = prefix
    // A single server has no automatic failover.
    this.waitReplicas = waitReplicas === 'auto' && !hasFailover(client) ? 0 : waitReplicas
    this.#log = log
    this.#replicated = new ReplicatedWrites(client, this.waitReplicas, (replicas) => this.#replicas(replicas))
    this.#place = place
    this.#diagnose = async (fault) => (address === undefined ? fault : diagnose(fault, address, options))
    this.#faults = new FaultLog(log, place)
    client.on('error', (error: unknown) => this.#failed(error))
    client.on('node error', (error: unknown) => this.#suspect(error))
    client.on('close', () => this.#lost())
    for (const each of this.#clients()) each.on('end', () => this.#revive(each))
    // The client reports the error; without a listener, it would end the process (I9).
    if (this.subscriber !== client) this.subscriber.on('error', () => undefined)
  }

  async start(): Promise<void> {
    try {
      await Promise.race([answered(this.#connect(), START_MS), this.#reported()])
    } catch (error) {
      const fault = await this.#diagnose(faultOf(this.#startFault ?? error))
      throw new StoreError(`cannot use Redis at ${this.#place}: ${fault.advice}`, { fault: lastingOf(fault) })
    }
    this.#started = true
    // A subscriber sends nothing, so it would not notice a server that stopped without closing the connection.
    this.#heartbeat = setInterval(() => {
      this.subscriber.ping().catch(() => undefined)
    }, HEARTBEAT_MS).unref()
    this.#looking = setInterval(() => this.#replicated.look(), REPLICA_MS).unref()
    const { client } = this
    if (!isCluster(client)) return
    this.#slots = setInterval(() => {
      if (client.status === 'ready') client.refreshSlotsCache()
    }, SLOTS_MS).unref()
  }

  async within<Answer>(pending: Promise<Answer>): Promise<Answer> {
    try {
      return await answered(pending, ANSWER_MS)
    } catch (error) {
      this.#failed(error)
      const fault = faultOf(error)
      throw new StoreError(`Redis: ${fault.advice}`, { fault: lastingOf(fault) })
    }
  }

  read(words: Words): Promise<unknown> {
    this.#gathering.begin()
    return this.client.call(...words)
  }

  write(words: Words): Promise<unknown> {
    this.#gathering.begin()
    return this.waitReplicas === 0 ? this.client.call(...words) : this.#replicated.send(words)
  }

  flush(): void {
    this.#gathering.flush()
  }

  distrust(): void {
    const { client } = this
    // `disconnect` would still accept pending replies.
    for (const { stream } of isCluster(client) ? client.nodes() : [client]) stream?.destroy()
  }

  async close(): Promise<void> {
    clearTimeout(this.#probing)
    clearInterval(this.#heartbeat)
    clearInterval(this.#looking)
    clearInterval(this.#slots)
    this.#started = false
    for (const client of this.#clients()) {
      if (client.status === 'ready') await answered(client.quit(), ANSWER_MS).catch(() => undefined)
      client.disconnect()
    }
  }

  /** Rejects with the first error that the client reports: with Sentinels it would go on trying without an end. */
  #reported(): Promise<never> {
    return new Promise((_, reject) => this.client.once('error', reject))
  }

  async #connect(): Promise<void> {
    // In order: the client reports the reason of a failure, and errors of the subscriber are ignored.
    for (const client of this.#clients()) await client.connect()
    this.#startFault = undefined
    // ioredis silently stays in database 0 if the database does not exist.
    if (!isCluster(this.client)) await this.client.select(this.client.options.db ?? 0)
    await this.#probe()
  }

  #clients(): Set<RedisClient> {
    return new Set([this.client, this.subscriber])
  }

  #failed(error: unknown): void {
    this.#startFault ??= error
    if (!this.#started) return
    this.#failedSinceProbe = true
    const fault = faultOf(error)
    this.#faults.begin(fault.code === NO_CONNECTION ? (this.#nodeFault ?? fault) : fault)
    this.#probing ??= this.#probeLater()
  }

  /** A cluster node is unreachable. It may be a replica, so a probe decides whether that is an outage. */
  #suspect(error: unknown): void {
    this.#startFault ??= error
    if (!this.#started) return
    this.#nodeFault = faultOf(error)
    this.#probing ??= this.#probeLater()
  }

  #replicas(replicas: number): void {
    // At start, `logDurability` logs it.
    if (!this.#started) return
    const fields = { redis: this.#place }
    if (replicas > 0)
      this.#log.info(
        fields,
        'Redis: a replica is connected again and receives each change before it is acknowledged',
      )
    else
      this.#log.warn(
        fields,
        'Redis: no replica is connected: until one is, a failover can lose acknowledged changes',
      )
  }

  #lost(): void {
    if (this.#started) this.#failed(new Error('the connection is closed'))
  }

  /**
   * Connects a client that has ended. ioredis (6.0.0) gives up for good where Sentinel announces a failover while it is asked for the
   * master.
   */
  #revive(client: RedisClient): void {
    if (!this.#started) return
    setTimeout(() => {
      if (this.#started && client.status === 'end') client.connect().catch(() => undefined)
    }, PROBE_INTERVAL_MS).unref()
  }

  /** Probes repeatedly, so that the end of an outage is noticed without a call from a client. */
  #probeLater(): NodeJS.Timeout {
    return setTimeout(async () => {
      this.#failedSinceProbe = false
      await this.within(this.#probe()).catch(() => undefined)
      this.#probing = undefined
      if (!this.#started) return
      if (!this.#failedSinceProbe) return this.#faults.end()
      this.#faults.goOn()
      this.#probing = this.#probeLater()
    }, PROBE_INTERVAL_MS).unref()
  }

  /**
   * Writes with a script, as the store does; on a cluster, exactly once per master: the first command opens the
   * connection to a node, and further commands fail until it is open.
   */
  async #probe(): Promise<void> {
    const script = "return redis.call('set', KEYS[1], '1', 'EX', 60)"
    const probes = new Map<string, Words>()
    for (let n = 0; n < (isCluster(this.client) ? CLUSTER_PROBES : 1); n++) {
      const words: Words = ['eval', script, 1, `${this.prefix}probe:${n}`]
      probes.set(masterOf(this.client, words), words)
    }
    await Promise.all([...probes.values()].map((words) => this.#prove(words)))
  }

  #prove(words: Words): Promise<unknown> {
    return this.waitReplicas === 0 ? this.client.call(...words) : this.#replicated.prove(words)
  }
}

/** @throws the rejection of `pending`, or a timeout */
function answered<Answer>(pending: Promise<Answer>, withinMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('timed out')), withinMs)
    pending.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
