/** What a client remembers of its queries: who is limited where, which packages it had, how often there was none. */

import { backoff } from './backoff.ts'
import { claimAt } from './claim.ts'
import type { Connections } from './connections.ts'
import { Limits } from './limits.ts'
import { type AuthorOutcome, type RelayAnswer, unanswered } from './outcomes.ts'
import type { Pauses } from './pauses.ts'
import { checkPubkey } from './pubkey.ts'
import { type KeyPackageAnswer, query, together } from './query.ts'
import { Statistics } from './statistics.ts'
import type { Time } from './time.ts'

export interface AskingSettings {
  readonly connections: Connections
  readonly kinds: readonly number[]
  readonly encoding: 'hex' | 'base64' | undefined
  readonly attempts: number
  readonly time: Time
  readonly pauses: Pauses
}

/** How long to go on asking. */
export interface Retrying {
  /** Queries altogether; 3 by default. */
  readonly rounds?: number
  /** A longer wait is left to the caller; 60 by default. */
  readonly longestWaitSeconds?: number
}

export class Asking {
  readonly statistics = new Statistics()
  readonly #settings: AskingSettings
  readonly #limits = new Limits()
  readonly #used = new Set<string>()

  constructor(settings: AskingSettings) {
    this.#settings = settings
  }

  async once(authors: readonly string[], relays: readonly string[]): Promise<KeyPackageAnswer> {
    for (const author of authors) checkPubkey(author)
    const { connections, attempts, time, pauses } = this.#settings
    const answer = await query(authors, {
      relays,
      askRelay: (relay, open) => connections.inTurn(relay, () => this.#claimAt(relay, open)),
      attempts,
      time,
      pauses,
    })
    this.statistics.record(answer)
    return answer
  }

  async repeatedly(
    authors: readonly string[],
    relays: readonly string[],
    { rounds = 3, longestWaitSeconds = 60 }: Retrying,
  ): Promise<KeyPackageAnswer> {
    const { time, pauses } = this.#settings
    let answer = await this.once(authors, relays)
    for (let tries = 0; tries + 1 < rounds; tries++) {
      const { missing, unanswered, rateLimited } = answer
      const others = [...missing, ...unanswered.map(({ author }) => author)]
      const open = [...others, ...rateLimited.map(({ author }) => author)]
      const waits = rateLimited.map(({ retryAfterSeconds }) => retryAfterSeconds * 1000)
      const wait = others.length > 0 ? backoff(tries, time.random()) : Math.min(...waits)
      if (open.length === 0 || wait > longestWaitSeconds * 1000) return answer
      await pauses.wait(wait)
      if (pauses.isOver) return answer
      answer = together(answer, await this.once(open, relays))
    }
    return answer
  }

  /** Those of whom the relay has said that they are limited are not asked for again before that is over. */
  async #claimAt(relay: string, authors: readonly string[]): Promise<RelayAnswer> {
    const now = this.#settings.time.now()
    const known = new Map<string, AuthorOutcome>()
    for (const author of authors) {
      const limited = this.#limits.at(relay, author, now)
      if (limited !== undefined) known.set(author, limited)
    }
    const open = authors.filter((author) => !known.has(author))
    if (open.length === 0) return { outcomes: known, rejected: [] }
    const { outcomes, rejected } = await this.#ask(relay, open)
    this.#limits.record(relay, outcomes, now)
    // At once: the next question at this relay may be about the same author.
    for (const outcome of outcomes.values()) {
      if (outcome.outcome === 'delivered') for (const { ref } of outcome.packages) this.#used.add(ref)
    }
    return { outcomes: new Map([...known, ...outcomes]), rejected }
  }

  async #ask(relay: string, authors: readonly string[]): Promise<RelayAnswer> {
    const { connections, kinds, encoding, time } = this.#settings
    try {
      const connection = await connections.own(relay)
      const ask: Parameters<typeof claimAt>[1]['ask'] = (filters) => connections.ask(connection, filters)
      return await claimAt(authors, { relay, kinds, encoding, used: this.#used, time, ask })
    } catch (error) {
      return unanswered(authors, (error as Error).message)
    }
  }
}
