/** Writes that count only once enough replicas have them (I6), on one server or each master of a cluster. */

import { Command, type Redis } from 'ioredis'
import { connectionTo, masterOf, type RedisClient, type Words } from './clients.ts'

/** A write may wait for the batch before its own; both together stay below the time that an answer may take. */
const WAIT_MS = 800

/**
 * Sends writes in batches, each ended by one WAIT. Since WAIT holds up a connection, no batch is sent to a server
 * before it answered the last one: nothing piles up where a replica is gone. Once too few replicas had a batch, writes
 * are refused unsent, so that an outage spends nobody's packages, until `prove` finds enough of them.
 */
export class ReplicatedWrites {
  readonly #client: RedisClient
  readonly #replicas: number
  readonly #masters = new Map<string, MasterWrites>()

  constructor(client: RedisClient, replicas: number) {
    this.#client = client
    this.#replicas = replicas
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

  #masterOf(words: Words): MasterWrites {
    const name = masterOf(this.#client, words)
    const known = this.#masters.get(name) ?? new MasterWrites(this.#client, name, this.#replicas)
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
  readonly #replicas: number
  readonly #waiting: Pending[] = []
  #isUnderWay = false
  /** How many replicas had the last batch, where that was too few. */
  #short: number | undefined

  constructor(client: RedisClient, name: string, replicas: number) {
    this.#client = client
    this.#name = name
    this.#replicas = replicas
  }

  async send(words: Words): Promise<unknown> {
    if (this.#short !== undefined) throw tooFew(this.#short, this.#replicas)
    return this.prove(words)
  }

  prove(words: Words): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ words, resolve, reject })
      if (!this.#isUnderWay) this.#sendSoon()
    })
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
      // Of the node itself: a pipeline of a cluster hands answers to the wrong commands (clients.ts).
      const pipeline = (await this.#connection(batch)).pipeline()
      for (const { words } of batch) pipeline.call(...words)
      pipeline.wait(this.#replicas, WAIT_MS)
      const results = (await pipeline.exec()) ?? []
      const shortage = this.#judge(results.at(-1))
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

  /** Why a batch does not count, from what its WAIT answered. */
  #judge([failure, replicas]: Result = [new Error(CLOSED), 0]): Error | undefined {
    if (failure) return failure
    this.#short = Number(replicas) < this.#replicas ? Number(replicas) : undefined
    return this.#short === undefined ? undefined : tooFew(this.#short, this.#replicas)
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

function tooFew(replicas: number, wanted: number): Error {
  return new Error(`NOREPLICAS ${replicas} of ${wanted} replicas have it`)
}
