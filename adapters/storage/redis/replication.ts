/** Writes that succeed only once enough replicas have them (I6), on one server or each master of a cluster. */

import { Command, type Redis } from 'ioredis'
import { connectionTo, masterOf, type RedisClient, type Words } from './clients.ts'
import { connectedReplicas } from './info.ts'

/**
 * How many replicas must have a change before it is acknowledged. `auto`: one, while the master has one. When a master
 * loses its last replica, a failover may be in progress, so writes are refused for `SUSPICIOUS_MS`, also where the master
 * itself was restarted. Then the gateway reconnects (asking Sentinel for the master) and continues without a replica until
 * there is one.
 */
export type WaitReplicas = number | 'auto'

/** A write may also wait for the previous batch; two waits stay below the answer timeout. */
const WAIT_MS = 800
/** Sentinel announces a failover within about two seconds, a cluster within its node timeout. */
const SUSPICIOUS_MS = 10_000

/** Called with `auto` when the number of replicas that writes wait for has changed. */
export type ReplicasListener = (replicas: number) => void

/**
 * Sends writes in batches, each followed by one WAIT. WAIT blocks the connection, so a server gets its next batch only
 * after it has answered the last one: nothing queues up when a replica is gone. After a batch reached too few replicas,
 * writes are refused without sending them, so that an outage uses no packages, until `prove` finds enough replicas.
 */
export class ReplicatedWrites {
  readonly #client: RedisClient
  readonly #replicas: WaitReplicas
  readonly #tell: ReplicasListener
  readonly #masters = new Map<string, MasterWrites>()

  constructor(client: RedisClient, replicas: WaitReplicas, tell: ReplicasListener) {
    this.#client = client
    this.#replicas = replicas
    this.#tell = tell
  }

  /**
   * The reply to a write, once the replicas have it.
   * @throws ReplyError of the write
   * @throws Error NOREPLICAS if fewer have it; the write itself may persist
   */
  send(words: Words): Promise<unknown> {
    return this.#masterOf(words).send(words)
  }

  /** The same for a harmless write: it is always sent, and its result decides whether others are. */
  prove(words: Words): Promise<unknown> {
    return this.#masterOf(words).prove(words)
  }

  /** Checks whether masters without a replica have one now. */
  look(): void {
    for (const master of this.#masters.values()) master.look()
  }

  #masterOf(words: Words): MasterWrites {
    const name = masterOf(this.#client, words)
    const known = this.#masters.get(name) ?? new MasterWrites(this.#client, name, this.#replicas, this.#tell)
    this.#masters.set(name, known)
    return known
  }
}

interface Pending {
  readonly words: Words
  resolve(answer: unknown): void
  reject(error: unknown): void
}

class MasterWrites {
  readonly #client: RedisClient
  readonly #name: string
  readonly #replicas: WaitReplicas
  readonly #tell: ReplicasListener
  readonly #waiting: Pending[] = []
  #isUnderWay = false
  /** If the last batch reached too few replicas: how many, and since when. */
  #short: { readonly replicas: number; readonly since: number } | undefined
  /** How many replicas writes on the connection with this stream wait for. */
  #wanted: { readonly replicas: number; readonly stream: Redis['stream'] | undefined } | undefined
  /** The server that had a replica when it was last asked: if it has none now, its replica may be about to take over. */
  #replicated: string | undefined

  constructor(client: RedisClient, name: string, replicas: WaitReplicas, tell: ReplicasListener) {
    this.#client = client
    this.#name = name
    this.#replicas = replicas
    this.#tell = tell
  }

  async send(words: Words): Promise<unknown> {
    const stream = connectionTo(this.#client, this.#name)?.stream
    const wanted = this.#wanted
    if (wanted !== undefined && wanted.replicas === 0 && wanted.stream === stream)
      return this.#client.call(...words)
    if (this.#short !== undefined) throw tooFew(this.#short.replicas)
    return this.prove(words)
  }

  prove(words: Words): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ words, resolve, reject })
      if (!this.#isUnderWay) this.#sendSoon()
    })
  }

  /** Counts the replicas again if there was none. */
  look(): void {
    if (this.#replicas !== 'auto' || this.#wanted?.replicas !== 0) return
    const connection = connectionTo(this.#client, this.#name)
    if (connection?.status === 'ready') this.#count(connection).catch(() => undefined)
  }

  /** At the end of this event loop turn, so that its writes share a batch. */
  #sendSoon(): void {
    this.#isUnderWay = true
    setImmediate(async () => {
      await this.#send(this.#waiting.splice(0))
      this.#isUnderWay = false
      if (this.#waiting.length > 0) this.#sendSoon()
    })
  }

  async #send(batch: readonly Pending[]): Promise<void> {
    try {
      const connection = await this.#connection(batch)
      const replicas = await this.#wantedOn(connection)
      // A pipeline of the node, because one of the `Cluster` can mix up replies (clients.ts).
      const pipeline = connection.pipeline()
      for (const { words } of batch) pipeline.call(...words)
      pipeline.wait(replicas, WAIT_MS)
      const results = (await pipeline.exec()) ?? []
      const shortage = this.#judge(connection, replicas, results.at(-1))
      for (const [index, pending] of batch.entries()) settle(pending, results[index], shortage)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** @throws Error if the master cannot be reached; nothing was sent */
  async #connection([first]: readonly Pending[]): Promise<Redis> {
    const known = connectionTo(this.#client, this.#name)
    if (known !== undefined) return ready(known)
    // The cluster client forgets a node whose connection was lost; a redirection for one of its keys brings it back.
    const [key] = first === undefined ? [] : new Command(first.words[0], first.words.slice(1)).getKeys()
    await this.#client.exists(String(key))
    const found = connectionTo(this.#client, this.#name)
    if (found === undefined) throw new Error(CLOSED)
    return ready(found)
  }

  /** How many replicas a batch on this connection waits for; counted once per connection. */
  async #wantedOn(connection: Redis): Promise<number> {
    if (this.#replicas !== 'auto') return this.#replicas
    const known = this.#wanted
    if (known !== undefined && known.stream === connection.stream) return known.replicas
    return this.#count(connection)
  }

  async #count(connection: Redis): Promise<number> {
    const connected = await connectedReplicas(connection)
    const server = serverOf(connection)
    if (connected > 0) this.#replicated = server
    else if (this.#replicated !== server) this.#replicated = undefined
    const replicas = this.#replicated === undefined ? 0 : 1
    if (replicas !== this.#wanted?.replicas) this.#tell(replicas)
    this.#wanted = { replicas, stream: connection.stream }
    return replicas
  }

  /** Why a batch failed, from the reply to its WAIT; undefined if it succeeded. */
  #judge(
    connection: Redis,
    wanted: number,
    [failure, answer]: Result = [new Error(CLOSED), 0],
  ): Error | undefined {
    if (failure) return failure
    const replicas = Number(answer)
    if (replicas >= wanted) {
      this.#short = undefined
      return undefined
    }
    const since = this.#short?.since ?? performance.now()
    this.#short = { replicas, since }
    if (this.#replicas === 'auto' && performance.now() - since > SUSPICIOUS_MS) {
      this.#short = undefined
      this.#replicated = undefined
      connection.stream?.destroy()
    }
    return tooFew(replicas)
  }
}

const CLOSED = 'the connection is closed'

/** A lazy connection connects on its first command. @throws Error while it is connecting: commands are not queued */
function ready(connection: Redis): Redis {
  if (connection.status !== 'ready' && connection.status !== 'wait') throw new Error(CLOSED)
  return connection
}

/** A Sentinel may name another one each time. */
function serverOf({ stream }: Redis): string {
  return `${stream?.remoteAddress} ${stream?.remotePort}`
}

type Result = readonly [error: Error | null, answer: unknown]

function settle(
  { resolve, reject }: Pending,
  [error, answer]: Result = [null, null],
  shortage?: Error,
): void {
  const failure = error ?? shortage
  if (failure) reject(failure)
  else resolve(answer)
}

function tooFew(replicas: number): Error {
  return new Error(`NOREPLICAS only ${replicas} replicas acknowledged the write`)
}
