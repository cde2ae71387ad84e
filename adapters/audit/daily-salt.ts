/** Names for requesters that say who is the same within a day (UTC), and nothing else to anybody, us included. */

import { createHmac, randomBytes } from 'node:crypto'

const DAY_SECONDS = 86_400

/**
 * The salt is random, is kept in memory alone, and goes with its day: then nobody can compute what somebody was called,
 * nor tell that two names of different days, or of different processes, were one.
 */
export class DailySalt {
  #salt = Buffer.alloc(0)
  #day: number | undefined

  /**
   * @param domain the same requester has another name in each
   * @param at in seconds since the epoch
   */
  nameOf(requester: string, domain: string, at: number): string {
    const salt = this.#saltOf(Math.floor(at / DAY_SECONDS))
    return createHmac('sha256', salt).update(`${domain} ${requester}`).digest('hex').slice(0, 32)
  }

  #saltOf(day: number): Buffer {
    if (day === this.#day) return this.#salt
    this.#salt.fill(0)
    this.#salt = randomBytes(32)
    this.#day = day
    return this.#salt
  }
}
