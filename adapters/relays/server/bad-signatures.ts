/** Whose signatures are wrong again and again: their connections are closed, and their addresses kept out for a while (I9). */

import { LocalQuota } from '../../../plugin/local-quota.ts'
import { addressKey } from '../../../plugin/nostr/requester.ts'
import type { ServerOptions } from './server-options.ts'
import type { Sender } from './trusted-headers.ts'

const WINDOW_SECONDS = 60
/** How long an address is kept out. */
const KEPT_OUT_SECONDS = 600

/** `too many`: the connection is to be closed. */
export type Tolerance = 'tolerated' | 'too many'

export interface BadSignaturesSettings {
  readonly options: Pick<ServerOptions, 'maxBadSignaturesPerMinute'>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

export class BadSignatures {
  readonly #quota: { readonly max: number; readonly windowSeconds: number }
  readonly #clock: () => number
  readonly #byAddress: LocalQuota
  /** Until when each address is kept out; the one that may return first is first. */
  readonly #keptOut = new Map<string, number>()

  constructor({ options, clock }: BadSignaturesSettings) {
    this.#clock = clock
    this.#quota = { max: options.maxBadSignaturesPerMinute, windowSeconds: WINDOW_SECONDS }
    this.#byAddress = new LocalQuota(this.#quota)
  }

  /**
   * Counts the bad signatures of one connection: with those of all others of its address if that is known to be the client's
   * own, else alone, because the address may be that of a reverse proxy that everybody comes through.
   */
  counter({ address, isKnown }: Sender): () => Tolerance {
    if (this.#quota.max === 0) return () => 'tolerated'
    const key = addressKey(address)
    if (isKnown) return () => this.#count(key)
    const ofConnection = new LocalQuota(this.#quota)
    return () => (ofConnection.take('', this.#now()) ? 'tolerated' : 'too many')
  }

  isKeptOut(address: string): boolean {
    const now = this.#now()
    for (const [key, until] of this.#keptOut) {
      if (until > now) break
      this.#keptOut.delete(key)
    }
    return this.#keptOut.has(addressKey(address))
  }

  #count(key: string): Tolerance {
    const now = this.#now()
    if (this.isKeptOut(key)) return 'too many'
    if (this.#byAddress.take(key, now)) return 'tolerated'
    this.#keptOut.set(key, now + KEPT_OUT_SECONDS)
    return 'too many'
  }

  #now(): number {
    return Math.floor(this.#clock() / 1000)
  }
}
