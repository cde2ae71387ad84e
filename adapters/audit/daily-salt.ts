/** Hashes requesters so that within a day (UTC) the same one can be recognised, and nothing else can be learnt. */

import { createHash, createHmac, randomBytes } from 'node:crypto'

const DAY_SECONDS = 86_400

/** The salt of a day (UTC, counted from the epoch), for another process of the same server. */
export interface Salt {
  readonly day: number
  readonly hex: string
}

/**
 * The first salt is random; each next one is a hash of the one before, so that the processes of one server have the same. They are
 * kept only in memory, and replaced every day. After that nobody can compute the hash of a requester, or link the hashes of
 * different days or different servers.
 */
export class DailySalt {
  #salt: Buffer
  #day: number | undefined

  /** @param from that of another process of the server; by default a random one */
  constructor(from?: Salt) {
    this.#salt = from === undefined ? randomBytes(32) : Buffer.from(from.hex, 'hex')
    this.#day = from?.day
  }

  /** @param at in seconds since the epoch */
  of(at: number): Salt {
    return { day: this.#advance(at), hex: this.#salt.toString('hex') }
  }

  /**
   * @param domain the same requester has a different hash in each domain
   * @param at in seconds since the epoch
   */
  hashOf(requester: string, domain: string, at: number): string {
    this.#advance(at)
    const text = `${Math.floor(at / DAY_SECONDS)} ${domain} ${requester}`
    return createHmac('sha256', this.#salt).update(text).digest('hex').slice(0, 32)
  }

  /** Returns the day of the salt. A clock that is set back gets no salt back. */
  #advance(at: number): number {
    const today = Math.floor(at / DAY_SECONDS)
    let day = this.#day ?? today
    for (; day < today; day += 1) this.#replace()
    this.#day = day
    return day
  }

  #replace(): void {
    const next = createHash('sha256').update('next ').update(this.#salt).digest()
    this.#salt.fill(0)
    this.#salt = next
  }
}
