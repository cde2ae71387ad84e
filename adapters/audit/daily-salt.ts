/** Hashes requesters so that within a day (UTC) the same one can be recognised, and nothing else can be learnt. */

import { createHmac, randomBytes } from 'node:crypto'

const DAY_SECONDS = 86_400

/**
 * The salt is random, kept only in memory, and replaced every day. After that nobody can compute the hash of a requester,
 * or link the hashes of different days or different processes.
 */
export class DailySalt {
  #salt = Buffer.alloc(0)
  #day: number | undefined

  /**
   * @param domain the same requester has a different hash in each domain
   * @param at in seconds since the epoch
   */
  hashOf(requester: string, domain: string, at: number): string {
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
