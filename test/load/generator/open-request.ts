/** One REQ, COUNT or NEG-OPEN of a device, from its question to its end, and what a judge has to know of it. */

import type { Pubkey, RelayMessage } from '../../../plugin/nostr/messages.ts'
import type { Journal } from './journal.ts'
import type { Claimed, Delivered } from './judging/observations.ts'

/** What a client asks. */
export interface Question {
  readonly verb: 'REQ' | 'COUNT' | 'NEG-OPEN'
  readonly filters: readonly object[]
  /** What follows the filter of a NEG-OPEN. */
  readonly rest?: readonly unknown[]
  /** Whose packages it may show; without it, any package of others is one too many. */
  readonly claim?: { readonly authors: readonly Pubkey[]; readonly kinds: readonly number[] }
  /** In words, for what should not have come: `a query by tag`. */
  readonly way: string
  /** Whether it stays open after its stored events. */
  readonly stays?: 'open'
}

export interface Asker {
  readonly requester: string
  readonly address: string
  readonly isStranger: boolean
  readonly person: Pubkey
}

/** How a request ended. */
export interface Ended {
  /** The last message, or undefined if the connection was lost. */
  readonly message: RelayMessage | undefined
  readonly outcome: Claimed['outcome']
  /** The packages that came. */
  readonly delivered: readonly Delivered[]
}

export class OpenRequest {
  readonly #question: Question
  readonly #asker: Asker
  readonly #journal: Journal
  readonly #resolve: (ended: Ended) => void
  readonly #sentAt = performance.now()
  readonly #delivered: Delivered[] = []
  /** What a notice says of some of the authors. */
  #ofSome: Claimed['outcome'] | undefined
  #recorded: { outcome: Claimed['outcome'] } | undefined
  #isDone = false

  constructor(question: Question, asker: Asker, journal: Journal, resolve: (ended: Ended) => void) {
    this.#question = question
    this.#asker = asker
    this.#journal = journal
    this.#resolve = resolve
  }

  get staysOpen(): boolean {
    return this.#question.stays === 'open'
  }

  /** A package of somebody else. */
  event(pkg: Delivered): void {
    const { claim, way } = this.#question
    const isAsked = claim?.authors.includes(pkg.author) === true && claim.kinds.includes(pkg.kind)
    if (claim !== undefined && !this.#isDone) return void this.#delivered.push(pkg)
    const late = isAsked ? `${way}, after its end` : way
    this.#journal.sighted.push({ ...pkg, way: late, isPush: isAsked, at: performance.now() })
  }

  /** Notices name no subscription. They precede the EOSE of the request that they are about. */
  notice(text: string): void {
    if (this.#isDone || this.#ofSome === 'unknown') return
    if (text.startsWith('error:')) this.#ofSome = 'unknown'
    if (text.startsWith('rate-limited:')) this.#ofSome = 'limited'
  }

  /** EOSE, CLOSED or another last message. Where a quota leaves nothing at all, CLOSED follows EOSE. */
  end(message: RelayMessage): void {
    const [verb, , why] = message
    const isClosed = verb === 'CLOSED' || verb === 'NEG-ERR'
    if (this.#isDone) {
      if (isClosed && this.#recorded !== undefined) this.#recorded.outcome = refusalIn(String(why))
      return
    }
    this.#finish(isClosed ? refusalIn(String(why)) : (this.#ofSome ?? 'answered'), message)
  }

  lose(): void {
    if (!this.#isDone) this.#finish('unknown', undefined)
  }

  #finish(outcome: Claimed['outcome'], message: RelayMessage | undefined): void {
    this.#isDone = true
    const { claim } = this.#question
    const answeredAt = outcome === 'unknown' ? Number.POSITIVE_INFINITY : performance.now()
    const delivered = this.#delivered
    if (claim !== undefined) {
      const claimed = { ...this.#asker, ...claim, sentAt: this.#sentAt, answeredAt, delivered, outcome }
      this.#recorded = claimed
      this.#journal.claimed.push(claimed)
    }
    this.#resolve({ message, outcome, delivered })
  }
}

/** A store that failed, or was too slow, may have carried out the claim all the same. */
function refusalIn(why: string): Claimed['outcome'] {
  if (why.startsWith('error:')) return 'unknown'
  return why.startsWith('rate-limited:') ? 'limited' : 'refused'
}
