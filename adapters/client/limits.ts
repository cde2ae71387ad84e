/** Which relays have said that they will not hand out packages of whom, and until when: asking sooner is of no use. */

import type { AuthorOutcome } from './outcomes.ts'

type Limited = Extract<AuthorOutcome, { outcome: 'limited' }>

export class Limits {
  /** Milliseconds since the epoch, by relay and author. */
  readonly #until = new Map<string, number>()

  record(relay: string, outcomes: ReadonlyMap<string, AuthorOutcome>, now: number): void {
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
    for (const [author, outcome] of outcomes) {
      if (outcome.outcome !== 'limited') continue
      this.#until.set(`${relay} ${author}`, now + outcome.retryAfterSeconds * 1000)
    }
  }

  /** What the relay would answer; undefined where it has to be asked. */
  at(relay: string, author: string, now: number): Limited | undefined {
    const until = this.#until.get(`${relay} ${author}`) ?? now
    if (until <= now) return undefined
    return { outcome: 'limited', retryAfterSeconds: Math.ceil((until - now) / 1000) }
  }
}
