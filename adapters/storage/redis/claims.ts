/** Sends claims to claim.lua, those of one turn of the event loop together. */

import type { Claim, ClaimOutcome, ClaimPolicy } from '../../../plugin/store.ts'
import { StoreError } from '../../../plugin/store-error.ts'
import { isCluster } from './clients.ts'
import type { RedisConnection } from './connection.ts'
import { type Keys, keyPart } from './keys.ts'
import { type ClaimReply, decodeClaim } from './replies.ts'
import { encodeWanted } from './row.ts'
import type { Scripts } from './scripts.ts'

/** Most claims in one call of the script: no other client of the server waits for longer than half a millisecond. */
const MOST_AT_ONCE = 16

interface Waiting {
  readonly claim: Claim
  /** What holds for all claims of a call: claim.lua's first arguments. */
  readonly limits: readonly number[]
  /** Claims with the same may go in one call. */
  readonly group: string
  resolve(outcome: Promise<ClaimOutcome>): void
  reject(error: unknown): void
}

export class Claims {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  readonly #waiting: Waiting[] = []

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
  }

  /** @throws StoreError */
  send(claim: Claim, policy: ClaimPolicy, now: number): Promise<ClaimOutcome> {
    const limits = limitsOf(policy, now)
    // A script finds the keys of two authors together only where all keys are.
    const group = `${isCluster(this.#connection.client) ? claim.author : ''} ${limits}`
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.push({ claim, limits, group, resolve, reject })
      if (waiting === 1) setImmediate(() => this.#sendAll())
    })
  }

  #sendAll(): void {
    for (const batch of batchesOf(this.#waiting.splice(0))) void this.#sendBatch(batch)
  }

  async #sendBatch([first, ...rest]: readonly Waiting[]): Promise<void> {
    if (first === undefined) return
    const batch = [first, ...rest]
    const keys = batch.flatMap(({ claim }) => this.#keysOf(claim))
    try {
      const args = [...first.limits, ...batch.flatMap(({ claim }) => argumentsOf(claim))]
      const replies = (await this.#scripts.run('claim', keys, args)) as ClaimReply[]
      for (const [index, { claim, resolve }] of batch.entries())
        resolve(this.#outcomeOf(claim, replies[index]))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  async #outcomeOf(claim: Claim, reply: ClaimReply | undefined): Promise<ClaimOutcome> {
    if (reply === undefined) throw new StoreError('Redis: a claim was not answered')
    if (reply[0] === 'failed') return this.#connection.within(Promise.reject(new Error(reply[1])))
    return decodeClaim(claim.author, reply)
  }

  #keysOf({ author, requester, address }: Claim): string[] {
    return [
      ...this.#keys.stock(author),
      this.#keys.requester(author, requester),
      this.#keys.address(author, address),
    ]
  }
}

function limitsOf(policy: ClaimPolicy, now: number): number[] {
  const { perAuthor, perAddress, redeliverySeconds, retireAfterSeconds } = policy
  return [
    now,
    perAuthor.max,
    perAuthor.windowSeconds,
    perAddress.max,
    perAddress.windowSeconds,
    redeliverySeconds,
    retireAfterSeconds,
  ]
}

function argumentsOf({ narrowings, requester, maximum }: Claim): (string | number)[] {
  return [encodeWanted(narrowings), keyPart(requester), maximum]
}

/** In their order, each with claims of one group. */
function batchesOf(waiting: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = []
  for (const one of waiting) {
    const last = batches.at(-1)
    if (last?.[0]?.group === one.group && last.length < MOST_AT_ONCE) last.push(one)
    else batches.push([one])
  }
  return batches
}
