/** Writes that count only once enough replicas have them (I6), on one server or each master of a cluster. */

import { Command, type Redis } from 'ioredis'
import { connectionTo, masterOf, type RedisClient, type Words } from './clients.ts'
import { connectedReplicas } from './info.ts'

/**
 * How many replicas must have a change before it counts. `auto`: one, while its master has one. A master that lost its
 * last replica may be one that a replica is just taking over from, so writes are refused for `SUSPICIOUS_MS`; then it
 * is connected to anew (Sentinel is asked again who is master), and goes on without a replica until it has one.
 */
export type WaitReplicas = number | 'auto'

/** A write may wait for the batch before its own; both together stay below the time that an answer may take. */
const WAIT_MS = 800
/** Sentinel tells of a failover within some two seconds, and a cluster within its node timeout. */
const SUSPICIOUS_MS = 10_000

/** Who hears that a master's writes wait for so many replicas from now on, where that is `auto`. */
export type ReplicasListener = (replicas: number) => void

/**
 * Sends writes in batches, each ended by one WAIT. Since WAIT holds up a connection, no batch is sent to a server
 * before it answered the last one: nothing piles up where a replica is gone. Once too few replicas had a batch, writes
 * are refused unsent, so that an outage spends nobody's packages, until `prove` finds enough of them.
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
   * The answer of a write that the replicas have.
   * @throws ReplyError of the write
   * @throws Error NOREPLICAS where fewer have it; the write itself may last
   */
  send(words: Words): Promise<unknown> {
    return this.#masterOf(words).send(words)
  }

  /** The same for a write that does no harm: it is sent in any case, and tells whether others may be. */
  prove(words: Words): Promise<unknown> {
    return this.#masterOf(words).prove(words)
  }

  /** Looks whether masters without a replica have one now. */
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
  /** How many replicas had the last batch, where that was too few, and since when. */
  #short: { readonly replicas: number; readonly since: number } | undefined
  /** How many replicas writes wait for on the connection that has this stream. */
  #wanted: { readonly replicas: number; readonly stream: Redis['stream'] | undefined } | undefined

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

  /** Where there was no replica: the next batch finds out whether there is one. */
  look(): void {
    if (this.#replicas !== 'auto' || this.#wanted?.replicas !== 0) return
    const connection = connectionTo(this.#client, this.#name)
    if (connection?.status === 'ready') this.#count(connection).catch(() => undefined)
  }

  /** At the end of this turn of the event loop, with all that it asks for. */
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
      // Of the node itself: a pipeline of a cluster hands answers to the wrong commands (clients.ts).
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

  /** @throws Error where the master cannot be reached: nothing was sent */
  async #connection([first]: readonly Pending[]): Promise<Redis> {
    const known = connectionTo(this.#client, this.#name)
    if (known !== undefined) return ready(known)
    // A cluster forgets a node whose connection was lost. Another sends whoever asks for one of its keys there again.
    const [key] = first === undefined ? [] : new Command(first.words[0], first.words.slice(1)).getKeys()
    await this.#client.exists(String(key))
    const found = connectionTo(this.#client, this.#name)
    if (found === undefined) throw new Error(CLOSED)
    return ready(found)
  }

  /** How many replicas a batch on this connection waits for: each that is made anew is asked. */
  async #wantedOn(connection: Redis): Promise<number> {
    if (this.#replicas !== 'auto') return this.#replicas
    const known = this.#wanted
    if (known !== undefined && known.stream === connection.stream) return known.replicas
    return this.#count(connection)
  }

  async #count(connection: Redis): Promise<number> {
    const connected = await connectedReplicas(connection)
    const replicas = Math.min(1, connected)
    if (replicas !== this.#wanted?.replicas) this.#tell(replicas)
    this.#wanted = { replicas, stream: connection.stream }
    return replicas
  }

  /** Why a batch does not count, from what its WAIT answered. */
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
      connection.stream?.destroy()
    }
    return tooFew(replicas)
  }
}

const CLOSED = 'the connection is closed'

/** One that is not connected yet connects when it is asked. @throws Error where it is busy with that: none is kept for later */
function ready(connection: Redis): Redis {
  if (connection.status !== 'ready' && connection.status !== 'wait') throw new Error(CLOSED)
  return connection
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
  return new Error(`NOREPLICAS ${replicas} replicas have it`)
}
