/** Sends claims to claim.lua, those of one turn of the event loop together, and tells what followed from them. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { isLow } from '../../../plugin/stock/keeping.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  LowStockListener,
  RemovedListener,
} from '../../../plugin/store.ts'
import { isCluster } from './clients.ts'
import type { RedisConnection } from './connection.ts'
import { type Keys, keyPart } from './keys.ts'
import { ClaimReplies } from './replies.ts'
import { encodeWanted } from './row.ts'
import type { Scripts } from './scripts.ts'

/** Most claims in one call of the script: no other client of the server waits for longer than a millisecond. */
const MOST_AT_ONCE = 32

/** Who hears what followed from a claim. */
export interface ClaimListeners {
  readonly removed: RemovedListener
  readonly lowStock: LowStockListener
  /** A sweep should look at the author. */
  due(author: Pubkey, now: number): void
}

/** What holds for all claims of a call. */
interface Terms {
  readonly policy: ClaimPolicy
  readonly now: number
}

interface Waiting {
  readonly claim: Claim
  readonly terms: Terms
  readonly asked: Asked
  /** Which of those asked together. */
  readonly index: number
}

/** Claims that were asked for together, and are answered together. */
class Asked {
  readonly answered: Promise<ClaimOutcome[]>
  readonly #outcomes: ClaimOutcome[] = []
  readonly #count: number
  #open: number
  #failed = 0
  #resolve!: (outcomes: ClaimOutcome[]) => void
  #reject!: (error: unknown) => void

  constructor(count: number) {
    this.#count = count
    this.#open = count
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  answer(index: number, outcome: ClaimOutcome): void {
    this.#outcomes[index] = outcome
    this.#open -= 1
    if (this.#open === 0) this.#resolve(this.#outcomes)
  }

  fail(index: number, error: unknown): void {
    this.#failed += 1
    if (this.#failed === this.#count) this.#reject(error)
    this.answer(index, { outcome: 'unavailable' })
  }
}

export class Claims {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  readonly #tell: ClaimListeners
  /** On a cluster authors have keys on different nodes, which must not wait for each other. */
  readonly #areApart: boolean
  readonly #waiting: Waiting[] = []
  #underWay = 0

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts, tell: ClaimListeners) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
    this.#tell = tell
    this.#areApart = isCluster(connection.client)
  }

  /** Outcomes in the order of the claims; where some failed, those are `unavailable`. @throws StoreError where all failed */
  send(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    if (claims.length === 0) return Promise.resolve([])
    if (this.#waiting.length === 0) setImmediate(() => this.#sendSome())
    const terms = { policy, now }
    const asked = new Asked(claims.length)
    for (const [index, claim] of claims.entries()) this.#waiting.push({ claim, terms, asked, index })
    return asked.answered
  }

  /** While the server works at one half we read its answers to the other, so it is given no more at once. */
  #sendSome(): void {
    while (this.#waiting.length > 0) {
      const half = (this.#underWay + this.#waiting.length) / 2
      if (!this.#areApart && this.#underWay >= Math.max(half, 2 * MOST_AT_ONCE)) return
      void this.#sendBatch(this.#nextBatch())
    }
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    this.#underWay += batch.length
    const sent = this.#run(batch).finally(() => {
      this.#underWay -= batch.length
    })
    try {
      const replies = await sent
      this.#sendSome()
      for (const waiting of batch) this.#settle(waiting, replies)
    } catch (error) {
      // Who still waits has asked a server that does not answer: nothing of theirs was sent, nothing is handed out (I7).
      for (const { asked, index } of [...batch, ...this.#waiting.splice(0)]) asked.fail(index, error)
    }
  }

  async #run(batch: readonly Waiting[]): Promise<ClaimReplies> {
    const [first] = batch
    if (first === undefined) return new ClaimReplies([])
    const keys = batch.map(({ claim }) => this.#keys.stock(claim.author)[0])
    const args = limitsOf(first.terms)
    for (const { claim } of batch) args.push(...argumentsOf(claim))
    return new ClaimReplies((await this.#scripts.run('claim', keys, args)) as (string | number)[])
  }

  #nextBatch(): Waiting[] {
    const [first] = this.#waiting
    let size = 1
    while (size < MOST_AT_ONCE && first && goesWith(this.#waiting[size], first, this.#areApart)) size += 1
    return this.#waiting.splice(0, size)
  }

  #settle({ claim: { author }, terms, asked, index }: Waiting, replies: ClaimReplies): void {
    try {
      const decoded = replies.next(author)
      if ('failure' in decoded) {
        this.#connection
          .within(Promise.reject(new Error(decoded.failure)))
          .catch((error) => asked.fail(index, error))
        return
      }
      const { outcome, removed, isDue } = decoded
      if (isDue) this.#tell.due(author, terms.now)
      this.#tell.removed(removed)
      if (isLow(outcome, terms.policy.low)) this.#tell.lowStock(author, outcome.remaining)
      asked.answer(index, outcome)
    } catch (error) {
      asked.fail(index, error)
    }
  }
}

function limitsOf({ policy, now }: Terms): (string | number)[] {
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

function argumentsOf({ narrowings, maximum, requester, address }: Claim): (string | number)[] {
  return [`${maximum} ${encodeWanted(narrowings)}`, `q${keyPart(requester)}`, `a${keyPart(address)}`]
}

/**
 * Whether both may go in one call: on the same terms, and where the script finds all keys. On a cluster that is where
 * they are of one author.
 */
function goesWith(one: Waiting | undefined, first: Waiting, areApart: boolean): boolean {
  if (one?.terms.policy !== first.terms.policy || one.terms.now !== first.terms.now) return false
  return !areApart || one.claim.author === first.claim.author
}
