/** Queries several relays for the key packages of several authors, and remembers rate limits and received packages. */

import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../plugin/key-package/kinds.ts'
import { type ClaimOutcome, claimAtRelay, type RelayAnswer, unansweredFor } from './claim.ts'
import type { Connections } from './connections.ts'
import { type Ask, checkPubkey } from './settings.ts'
import { type Pauses, retryDelayMs, type Time } from './time.ts'
import type { RejectedEvent } from './verify.ts'

/** What came of a query for one author, at all relays together. */
export type KeyPackageResult = { readonly author: string } & ClaimOutcome

/** The result of a query. */
export interface KeyPackageAnswer {
  /** One of each author, in the order in which they were asked for. */
  readonly results: readonly KeyPackageResult[]
  /** Events that were delivered and failed verification. */
  readonly rejected: readonly RejectedEvent[]
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
  readonly encoding: 'hex' | 'base64' | undefined
  readonly attempts: number
  readonly time: Time
  readonly pauses: Pauses
  readonly onAnswer: (answer: KeyPackageAnswer) => void
}

/** Where to ask, and for what. */
export interface Question {
  readonly relays: readonly string[]
  readonly ask: Ask
}

type Kinds = readonly number[]

/** The kinds of each request, in order. */
const REQUESTS: Readonly<Record<Ask, readonly Kinds[]>> = {
  'one-time-first': [[KEY_PACKAGE_KIND], [SLOT_KIND]],
  both: [[KEY_PACKAGE_KIND, SLOT_KIND]],
  'one-time': [[KEY_PACKAGE_KIND]],
  slots: [[SLOT_KIND]],
}

/** What came of the requests to one relay about one author, by their kinds. */
type AtRelay = Map<Kinds, ClaimOutcome>

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
  async query(authors: readonly string[], { relays, ask }: Question): Promise<KeyPackageAnswer> {
    for (const author of authors) checkPubkey(author)
    const { attempts, time, pauses, onAnswer } = this.#settings
    const asked = new Asked(authors)
    const rejected: RejectedEvent[] = []
    for (let failures = 0; ; failures++) {
      const failed = new Set<string>()
      for (const kinds of REQUESTS[ask]) {
        for (const relay of relays) {
          // A relay that has just failed is not waited for again in the same round.
          const open = failed.has(relay) ? [] : asked.open(relay, kinds)
          if (open.length === 0) continue
          const answer = await this.#ask(relay, kinds, open)
          asked.record(relay, kinds, answer.outcomes)
          rejected.push(...answer.rejected)
          if ([...answer.outcomes.values()].some(({ outcome }) => outcome === 'unanswered')) failed.add(relay)
        }
      }
      const isDone = relays.every((relay) =>
        REQUESTS[ask].every((kinds) => asked.open(relay, kinds).length === 0),
      )
      if (isDone || failures + 1 >= attempts || pauses.isClosed) break
      await pauses.wait(retryDelayMs(failures, time.random()))
    }
    const answer = { results: asked.results(), rejected }
    onAnswer(answer)
    return answer
  }

  /** Queries again for the authors who are left. @throws Error if an author is not a pubkey */
  async queryWithRetry(
    authors: readonly string[],
    question: Question,
    { rounds = 3, maxWaitSeconds = 60 }: RetrySettings,
  ): Promise<KeyPackageAnswer> {
    const { time, pauses } = this.#settings
    let answer = await this.query(authors, question)
    for (let retries = 0; retries + 1 < rounds; retries++) {
      const open = answer.results.filter(({ outcome }) => outcome !== 'delivered' && outcome !== 'refused')
      const limitsMs = open.flatMap((result) =>
        result.outcome === 'limited' ? [result.retryAfterSeconds * 1000] : [],
      )
      const areAllLimited = limitsMs.length === open.length
      const waitMs = areAllLimited ? Math.min(...limitsMs) : retryDelayMs(retries, time.random())
      if (open.length === 0 || waitMs > maxWaitSeconds * 1000) return answer
      await pauses.wait(waitMs)
      if (pauses.isClosed) return answer
      const next = await this.query(
        open.map(({ author }) => author),
        question,
      )
      const newer = new Map(next.results.map((result) => [result.author, result]))
      answer = {
        results: answer.results.map((result) => newer.get(result.author) ?? result),
        rejected: [...answer.rejected, ...next.rejected],
      }
    }
    return answer
  }

  #ask(relay: string, kinds: Kinds, authors: readonly string[]): Promise<RelayAnswer> {
    return this.#settings.connections.enqueue(relay, () => this.#claimUnlessLimited(relay, kinds, authors))
  }

  /** Authors whose rate limit at this relay is known are not asked for. */
  async #claimUnlessLimited(relay: string, kinds: Kinds, authors: readonly string[]): Promise<RelayAnswer> {
    const now = this.#settings.time.now()
    const place = `${relay} ${kinds.join()}`
    const known = new Map<string, ClaimOutcome>()
    for (const author of authors) {
      const retryAfterSeconds = this.#limits.secondsLeft(place, author, now)
      if (retryAfterSeconds > 0) known.set(author, { outcome: 'limited', retryAfterSeconds })
    }
    const open = authors.filter((author) => !known.has(author))
    if (open.length === 0) return { outcomes: known, rejected: [] }
    const { outcomes, rejected } = await this.#claim(relay, kinds, open)
    // Before the next query at this relay, which may be about the same author.
    for (const [author, outcome] of outcomes) {
      if (outcome.outcome === 'limited') this.#limits.record(place, author, now, outcome.retryAfterSeconds)
      if (outcome.outcome === 'delivered') for (const { ref } of outcome.packages) this.#used.add(ref)
    }
    return { outcomes: new Map([...known, ...outcomes]), rejected }
  }

  async #claim(relay: string, kinds: Kinds, authors: readonly string[]): Promise<RelayAnswer> {
    const { connections, encoding, time } = this.#settings
    try {
      const connection = await connections.connectAuthenticated(relay)
      return await claimAtRelay(authors, {
        relay,
        kinds,
        encoding,
        used: this.#used,
        time,
        request: (filters, isComplete) => connections.request(connection, filters, isComplete),
      })
    } catch (error) {
      return unansweredFor(authors, (error as Error).message)
    }
  }
}

/** Until when relays will not hand out packages of an author. All times are milliseconds since the epoch. */
class RateLimits {
  /** By place (a relay and the kinds asked for) and author. */
  readonly #until = new Map<string, number>()

  record(place: string, author: string, now: number, retryAfterSeconds: number): void {
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
    this.#until.set(`${place} ${author}`, now + retryAfterSeconds * 1000)
  }

  /** 0 if no limit is known. */
  secondsLeft(place: string, author: string, now: number): number {
    const until = this.#until.get(`${place} ${author}`) ?? now
    return Math.max(0, Math.ceil((until - now) / 1000))
  }
}

/** What one query has asked so far, and what came of it. */
class Asked {
  /** By author and relay. */
  readonly #outcomes: ReadonlyMap<string, Map<string, AtRelay>>

  constructor(authors: readonly string[]) {
    this.#outcomes = new Map(authors.map((author) => [author, new Map()]))
  }

  /** The authors who are still to be asked for at a relay. */
  open(relay: string, kinds: Kinds): string[] {
    return [...this.#outcomes].flatMap(([author, byRelay]) => {
      if (outcomesIn(byRelay).some(({ outcome }) => outcome === 'delivered')) return []
      const here = byRelay.get(relay)?.get(kinds)
      return here === undefined || here.outcome === 'unanswered' ? [author] : []
    })
  }

  record(relay: string, kinds: Kinds, outcomes: ReadonlyMap<string, ClaimOutcome>): void {
    for (const [author, outcome] of outcomes) {
      const byRelay = this.#outcomes.get(author)
      const here: AtRelay = byRelay?.get(relay) ?? new Map()
      byRelay?.set(relay, here.set(kinds, outcome))
    }
  }

  results(): KeyPackageResult[] {
    return [...this.#outcomes].map(([author, byRelay]) => ({ author, ...summaryOf(outcomesIn(byRelay)) }))
  }
}

function outcomesIn(byRelay: ReadonlyMap<string, AtRelay>): ClaimOutcome[] {
  return [...byRelay.values()].flatMap((atRelay) => [...atRelay.values()])
}

/** What counts most: packages, then that there may be some later, then that it is not known. */
function summaryOf(outcomes: readonly ClaimOutcome[]): ClaimOutcome {
  const delivered = outcomes.find(({ outcome }) => outcome === 'delivered')
  if (delivered !== undefined) return delivered
  const waits = outcomes.flatMap((outcome) =>
    outcome.outcome === 'limited' ? [outcome.retryAfterSeconds] : [],
  )
  if (waits.length > 0) return { outcome: 'limited', retryAfterSeconds: Math.min(...waits) }
  const failures = outcomes.filter(({ outcome }) => outcome === 'unanswered' || outcome === 'refused')
  return failures.find(({ outcome }) => outcome === 'unanswered') ?? failures[0] ?? { outcome: 'missing' }
}
