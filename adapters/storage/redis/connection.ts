/** One process's connection to Redis, from the first proof that it can be used to the last quit. */

import type { Logger } from '../../../plugin/context.ts'
import { StoreError } from '../../../plugin/store-error.ts'
import {
  dial,
  hasFailover,
  isCluster,
  type Line,
  likeThis,
  masterOf,
  type RedisClient,
  subscriberOf,
  type Trust,
  type Words,
} from './clients.ts'
import { type Fault, FaultLog, faultOf, NO_CONNECTION } from './faults.ts'
import { ReplicatedWrites, type WaitReplicas } from './replication.ts'

/** Key packages fail closed no later than this after Redis stopped answering (I7). */
const ANSWER_MS = 1_900
const START_MS = 4_000
const PROBE_INTERVAL_MS = 250
const HEARTBEAT_MS = 5_000
/** A cluster is asked so often which master has which keys. */
const SLOTS_MS = 1_000
/** Among so many keys of a cluster there is one of each master, but for the smallest. */
const CLUSTER_PROBES = 100

export interface ConnectOptions {
  readonly log: Logger
  /** How many replicas must have a write before it counts (I6); `auto` by default, 0 asks none. */
  readonly waitReplicas?: WaitReplicas
  /** For the certificate of a `rediss://` server that the system does not know. */
  readonly trust?: Trust
}

export interface RedisConnection {
  readonly client: RedisClient
  /** For subscriptions alone; subscribes again by itself when it was lost. On a cluster it is the client. */
  readonly subscriber: RedisClient
  /** Put before every key and channel. */
  readonly prefix: string
  readonly waitReplicas: WaitReplicas
  /**
   * The answer of commands under way on `client`; what fails is logged, once for an outage.
   * @throws StoreError within 2 s, in words that hold nothing of the commands
   */
  within<Answer>(pending: Promise<Answer>): Promise<Answer>
  /** Sends a command that only reads one slot. @throws what the client throws */
  read(words: Words): Promise<unknown>
  /**
   * Sends a command that changes one slot; where `waitReplicas` asks for it, it counts only once they have it (I6).
   * @throws what the client throws, so that NOSCRIPT can be told apart; `within` is for around it
   */
  write(words: Words): Promise<unknown>
  /** Drops all connections, since one has handed an answer to the wrong call. What is under way on them fails. */
  distrust(): void
  close(): Promise<void>
}

/**
 * Connects, and proves by a write that key packages can be kept there. Later outages are survived.
 * @param target an address as `parseRedisAddress` reads it, or an ioredis client whose settings are used for
 *   connections of our own; it is left alone, also by `close`
 * @throws StoreError within a few seconds, saying what to do
 */
export async function connectRedis(
  target: string | RedisClient,
  options: ConnectOptions,
): Promise<RedisConnection> {
  const line = typeof target === 'string' ? dial(target, options.trust) : likeThis(target)
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
  readonly #replicated: ReplicatedWrites
  readonly #faults: FaultLog
  #started = false
  #startFault: unknown
  /** Why a node of a cluster could not be reached when that was last tried. */
  #nodeFault: Fault | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #slots: NodeJS.Timeout | undefined
  #probing: NodeJS.Timeout | undefined
  #failedSinceProbe = false
  #isGathering = false

  constructor({ client, prefix, place }: Line, { log, waitReplicas = 'auto' }: ConnectOptions) {
    this.client = client
    this.subscriber = subscriberOf(client)
    this.prefix = prefix
    // Nobody but an operator puts a replica in the place of a single server.
    this.waitReplicas = waitReplicas === 'auto' && !hasFailover(client) ? 0 : waitReplicas
    this.#log = log
    this.#replicated = new ReplicatedWrites(client, this.waitReplicas, (replicas) => this.#replicas(replicas))
    this.#place = place
    this.#faults = new FaultLog(log, place)
    client.on('error', (error: unknown) => this.#failed(error))
    client.on('node error', (error: unknown) => this.#suspect(error))
    client.on('close', () => this.#lost())
    // What is wrong with its server, the client says; the listener keeps an error from ending the process (I9).
    if (this.subscriber !== client) this.subscriber.on('error', () => undefined)
  }

  async start(): Promise<void> {
    try {
      await answered(this.#connect(), START_MS)
    } catch (error) {
      const { advice } = faultOf(this.#startFault ?? error)
      throw new StoreError(`cannot keep key packages in Redis at ${this.#place}: ${advice}`)
    }
    this.#started = true
    // A connection that only listens does not notice a server that is gone without a word.
    this.#heartbeat = setInterval(() => {
      this.subscriber.ping().catch(() => undefined)
      this.#replicated.look()
    }, HEARTBEAT_MS).unref()
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
      throw new StoreError(`Redis: ${faultOf(error).advice}`)
    }
  }

  read(words: Words): Promise<unknown> {
    this.#gather()
    return this.client.call(...words)
  }

  write(words: Words): Promise<unknown> {
    this.#gather()
    return this.waitReplicas === 0 ? this.client.call(...words) : this.#replicated.send(words)
  }

  distrust(): void {
    const { client } = this
    // At once: `disconnect` would let the answers in that are still to come.
    for (const { stream } of isCluster(client) ? client.nodes() : [client]) stream?.destroy()
  }

  async close(): Promise<void> {
    clearTimeout(this.#probing)
    clearInterval(this.#heartbeat)
    clearInterval(this.#slots)
    this.#started = false
    for (const client of this.#clients()) {
      if (client.status === 'ready') await answered(client.quit(), ANSWER_MS).catch(() => undefined)
      client.disconnect()
    }
  }

  async #connect(): Promise<void> {
    // One after the other: why it fails is what the client says, and the subscriber's errors are not listened to.
    for (const client of this.#clients()) await client.connect()
    this.#startFault = undefined
    // ioredis stays in database 0 where there is no other.
    if (!isCluster(this.client)) await this.client.select(this.client.options.db ?? 0)
    await this.#probe()
  }

  /** Sends what a turn of the event loop asks of one server in one piece; each command is still one by itself. */
  #gather(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    const { client } = this
    const streams = (isCluster(client) ? client.nodes('master') : [client]).map(({ stream }) => stream)
    for (const stream of streams) stream?.cork()
    setImmediate(() => {
      this.#isGathering = false
      for (const stream of streams) stream?.uncork()
    })
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

  /** A node of a cluster is not there. Whether that is an outage, a probe finds out: it may be a replica. */
  #suspect(error: unknown): void {
    this.#startFault ??= error
    if (!this.#started) return
    this.#nodeFault = faultOf(error)
    this.#probing ??= this.#probeLater()
  }

  #replicas(replicas: number): void {
    // At start the log says it with all else that a crash can lose.
    if (!this.#started) return
    const fields = { redis: this.#place }
    if (replicas > 0)
      this.#log.info(fields, 'Redis: a replica has each change again before it is acknowledged')
    else
      this.#log.warn(
        fields,
        'Redis: no replica is connected: until one is, a failover can lose what is acknowledged',
      )
  }

  #lost(): void {
    if (this.#started) this.#failed(new Error('the connection is closed'))
  }

  /** Asks again and again: an outage is over when a write succeeds, not when somebody comes by to try one. */
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
   * A write by a script, as the store's own are; on a cluster one for each master, and no more: the first command
   * connects to a node that is not connected yet, and what is sent to it in the meantime is refused.
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

/** @throws what it rejects with, or that it took too long */
function answered<Answer>(pending: Promise<Answer>, withinMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('timed out')), withinMs)
    pending.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
