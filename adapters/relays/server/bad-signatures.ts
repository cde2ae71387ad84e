/** Whose signatures are wrong again and again: their connections are closed, and their addresses kept out for a while (I9). */

import { LocalQuota } from '../../../plugin/local-quota.ts'
import { addressKey } from '../../../plugin/nostr/requester.ts'
import { alone, type Channel, type CountedQuota, type Siblings } from '../../../plugin/siblings.ts'
import type { ServerOptions } from './server-options.ts'
import type { Sender } from './trusted-headers.ts'

const WINDOW_SECONDS = 60
/** How long an address is kept out. */
const KEPT_OUT_SECONDS = 600

/** `too many`: the connection is to be closed. */
export type Tolerance = 'tolerated' | 'too many'

/** Counts one more wrong signature of a client. Never rejects. */
export type CountBadSignature = () => Tolerance | Promise<Tolerance>

/** An address is kept out. */
interface KeptOut {
  readonly address: string
  /** Seconds since the epoch. */
  readonly until: number
}

export interface BadSignaturesSettings {
  readonly options: Pick<ServerOptions, 'maxBadSignaturesPerMinute'>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** None by default. */
  readonly siblings?: Siblings
}

export class BadSignatures {
  readonly #quota: { readonly max: number; readonly windowSeconds: number }
  readonly #clock: () => number
  readonly #byAddress: CountedQuota
  readonly #channel: Channel<KeptOut>
  /** Until when each address is kept out; the one that may return first is first. */
  readonly #keptOut = new Map<string, number>()

  constructor({ options, clock, siblings = alone }: BadSignaturesSettings) {
    this.#clock = clock
    this.#quota = { max: options.maxBadSignaturesPerMinute, windowSeconds: WINDOW_SECONDS }
    this.#byAddress = siblings.quota('wrong signatures', this.#quota)
    this.#channel = siblings.channel('kept out')
    this.#channel.hear(({ address, until }) => this.#keptOut.set(address, until))
  }

  /**
   * Counts the bad signatures of one connection: with those of all others of its address if that is known to be the client's
   * own, else alone, because the address may be that of a reverse proxy that everybody comes through.
   */
  counter({ address, isKnown }: Sender): CountBadSignature {
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

  #count(key: string): Tolerance | Promise<Tolerance> {
    const now = this.#now()
    if (this.isKeptOut(key)) return 'too many'
    const hasRoom = this.#byAddress.take(key, now)
    const judge = (isTolerated: boolean) => (isTolerated ? 'tolerated' : this.#keepOut(key, now))
    return typeof hasRoom === 'boolean' ? judge(hasRoom) : hasRoom.then(judge)
  }

  #keepOut(address: string, now: number): Tolerance {
    const until = now + KEPT_OUT_SECONDS
    this.#keptOut.set(address, until)
    this.#channel.tell({ address, until })
    return 'too many'
  }

  #now(): number {
    return Math.floor(this.#clock() / 1000)
  }
}
