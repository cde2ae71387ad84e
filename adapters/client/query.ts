/** Queries several relays for the key packages of several authors, and remembers rate limits and received packages. */

import { type ClaimOutcome, claimAtRelay, type RelayAnswer, unansweredFor } from './claim.ts'
import type { Connections } from './connections.ts'
import { checkPubkey } from './settings.ts'
import { type Pauses, retryDelayMs, type Time } from './time.ts'
import type { ReceivedKeyPackage, RejectedEvent } from './verify.ts'

/** The result of a query. Each author is in exactly one of the first four. */
export interface KeyPackageAnswer {
  /** By author. */
  readonly packages: ReadonlyMap<string, readonly ReceivedKeyPackage[]>
  /** Authors of whom no relay has a package. */
  readonly missing: readonly string[]
  readonly rateLimited: readonly RateLimited[]
  /** Authors for whom a relay failed or refused, while no other had a package. */
  readonly unanswered: readonly Unanswered[]
  /** Events that were delivered and failed verification. */
  readonly rejected: readonly RejectedEvent[]
}

/** An author whose quota is used up. There may be packages. */
export interface RateLimited {
  readonly author: string
  /** Seconds until the first of the relays may be asked again. */
  readonly retryAfterSeconds: number
}

/** An author of whom it is not known whether there are packages. */
export interface Unanswered {
  readonly author: string
  readonly reason: string
}

/** How long `queryWithRetry` goes on. */
export interface RetrySettings {
  /** Number of queries, the first included. Default: 3. */
  readonly rounds?: number
  /** It does not wait for longer than this, but returns what it has. Default: 60. */
  readonly maxWaitSeconds?: number
}

export interface QuerySettings {
  readonly connections: Connections
  readonly kinds: readonly number[]
  readonly encoding: 'hex' | 'base64' | undefined
  readonly attempts: number
  readonly time: Time
  readonly pauses: Pauses
  readonly onAnswer: (answer: KeyPackageAnswer) => void
}

export class KeyPackageQueries {
  readonly #settings: QuerySettings
  readonly #limits = new RateLimits()
  /** KeyPackageRefs of all packages received. */
  readonly #used = new Set<string>()

  constructor(settings: QuerySettings) {
    this.#settings = settings
  }

  /**
   * An author is asked for at the next relay only if the relays before it had no package: each claim spends one.
   * @throws Error if an author is not a pubkey
   */
  async query(authors: readonly string[], relays: readonly string[]): Promise<KeyPackageAnswer> {
    for (const author of authors) checkPubkey(author)
    const { connections, attempts, time, pauses, onAnswer } = this.#settings
    const asked = new Map([...new Set(authors)].map((author) => [author, new Map<string, ClaimOutcome>()]))
    const rejected: RejectedEvent[] = []
    for (let failures = 0; ; failures++) {
      for (const relay of relays) {
        const open = [...asked].filter(([, outcomes]) => isOpen(outcomes, relay)).map(([author]) => author)
        if (open.length === 0) continue
        const answer = await connections.enqueue(relay, () => this.#claimUnlessLimited(relay, open))
        for (const [author, outcome] of answer.outcomes) asked.get(author)?.set(relay, outcome)
        rejected.push(...answer.rejected)
      }
      const isDone = [...asked.values()].every((outcomes) =>
        relays.every((relay) => !isOpen(outcomes, relay)),
      )
      if (isDone || failures + 1 >= attempts || pauses.isClosed) break
      await pauses.wait(retryDelayMs(failures, time.random()))
    }
    const answer = summarize(asked, rejected)
    onAnswer(answer)
    return answer
  }

  /** Queries again for the authors who are left. @throws Error if an author is not a pubkey */
  async queryWithRetry(
    authors: readonly string[],
    relays: readonly string[],
    { rounds = 3, maxWaitSeconds = 60 }: RetrySettings,
  ): Promise<KeyPackageAnswer> {
    const { time, pauses } = this.#settings
    let answer = await this.query(authors, relays)
    for (let retries = 0; retries + 1 < rounds; retries++) {
      const { missing, unanswered, rateLimited } = answer
      const others = [...missing, ...unanswered.map(({ author }) => author)]
      const open = [...others, ...rateLimited.map(({ author }) => author)]
      const limitsMs = rateLimited.map(({ retryAfterSeconds }) => retryAfterSeconds * 1000)
      const waitMs = others.length > 0 ? retryDelayMs(retries, time.random()) : Math.min(...limitsMs)
      if (open.length === 0 || waitMs > maxWaitSeconds * 1000) return answer
      await pauses.wait(waitMs)
      if (pauses.isClosed) return answer
      const next = await this.query(open, relays)
      answer = {
        ...next,
        packages: new Map([...answer.packages, ...next.packages]),
        rejected: [...answer.rejected, ...next.rejected],
      }
    }
    return answer
  }

  /** Authors whose rate limit at this relay is known are not asked for. */
  async #claimUnlessLimited(relay: string, authors: readonly string[]): Promise<RelayAnswer> {
    const now = this.#settings.time.now()
    const known = new Map<string, ClaimOutcome>()
    for (const author of authors) {
      const retryAfterSeconds = this.#limits.secondsLeft(relay, author, now)
      if (retryAfterSeconds > 0) known.set(author, { outcome: 'limited', retryAfterSeconds })
    }
    const open = authors.filter((author) => !known.has(author))
    if (open.length === 0) return { outcomes: known, rejected: [] }
    const { outcomes, rejected } = await this.#claim(relay, open)
    // Before the next query at this relay, which may be about the same author.
    for (const [author, outcome] of outcomes) {
      if (outcome.outcome === 'limited') this.#limits.record(relay, author, now, outcome.retryAfterSeconds)
      if (outcome.outcome === 'delivered') for (const { ref } of outcome.packages) this.#used.add(ref)
    }
    return { outcomes: new Map([...known, ...outcomes]), rejected }
  }

  async #claim(relay: string, authors: readonly string[]): Promise<RelayAnswer> {
    const { connections, kinds, encoding, time } = this.#settings
    try {
      const connection = await connections.connectAuthenticated(relay)
      return await claimAtRelay(authors, {
        relay,
        kinds,
        encoding,
        used: this.#used,
        time,
        request: (filters) => connections.request(connection, filters),
      })
    } catch (error) {
      return unansweredFor(authors, (error as Error).message)
    }
  }
}

/** Until when relays will not hand out packages of an author. All times are milliseconds since the epoch. */
class RateLimits {
  /** By relay and author. */
  readonly #until = new Map<string, number>()

  record(relay: string, author: string, now: number, retryAfterSeconds: number): void {
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
    this.#until.set(`${relay} ${author}`, now + retryAfterSeconds * 1000)
  }

  /** 0 if no limit is known. */
  secondsLeft(relay: string, author: string, now: number): number {
    const until = this.#until.get(`${relay} ${author}`) ?? now
    return Math.max(0, Math.ceil((until - now) / 1000))
  }
}

/** Whether a relay is still to be asked for an author, given the author's outcomes by relay. */
function isOpen(outcomes: ReadonlyMap<string, ClaimOutcome>, relay: string): boolean {
  if ([...outcomes.values()].some(({ outcome }) => outcome === 'delivered')) return false
  const here = outcomes.get(relay)
  return here === undefined || here.outcome === 'unanswered'
}

function summarize(
  asked: ReadonlyMap<string, ReadonlyMap<string, ClaimOutcome>>,
  rejected: readonly RejectedEvent[],
): KeyPackageAnswer {
  const packages = new Map<string, readonly ReceivedKeyPackage[]>()
  const missing: string[] = []
  const rateLimited: RateLimited[] = []
  const unanswered: Unanswered[] = []
  for (const [author, byRelay] of asked) {
    const outcomes = [...byRelay.values()]
    const delivered = outcomes.find((outcome) => outcome.outcome === 'delivered')
    const waits = outcomes.flatMap((outcome) =>
      outcome.outcome === 'limited' ? [outcome.retryAfterSeconds] : [],
    )
    const failure = outcomes.find((outcome) => 'reason' in outcome)
    if (delivered !== undefined) packages.set(author, delivered.packages)
    else if (waits.length > 0) rateLimited.push({ author, retryAfterSeconds: Math.min(...waits) })
    else if (failure !== undefined) unanswered.push({ author, reason: failure.reason })
    else missing.push(author)
  }
  return { packages, missing, rateLimited, unanswered, rejected }
}
