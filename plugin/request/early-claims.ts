/**
 * What a connection claimed while it had authenticated nobody: clients ask before they have authenticated, for their own
 * packages too. An author who turns out to be its first pubkey has used up nothing (I10).
 */

import { randomUUID } from 'node:crypto'
import type { GatewayContext } from '../context.ts'
import type { Pubkey } from '../nostr/messages.ts'
import type { Claim } from '../store.ts'

/** How long a claim can be given back, in seconds; a store can undo it for as long. */
const GIVEN_BACK_SECONDS = 60
/** Quotas let one address claim no more in that time, except by old settings (I9). */
const MAX_KEPT = 5000

/** Something that can be given back to its author. */
export interface EarlyClaim {
  readonly author: Pubkey
  /** Seconds since the epoch. */
  readonly at: number
  readonly hasOneTime: boolean
  /** Rejects when the store does. */
  giveBack(): Promise<void>
}

export interface EarlyClaimsSettings {
  readonly context: GatewayContext
  /** Called once packages of an author were given back. */
  readonly onGivenBack: (author: Pubkey) => void
}

export class EarlyClaims {
  readonly #settings: EarlyClaimsSettings
  /** Unlike any other, also in other processes. */
  readonly #recipient = `connection ${randomUUID()}`
  #claims: readonly EarlyClaim[] = []
  #first: Pubkey | undefined
  #givingBack: Promise<unknown> | undefined

  constructor(settings: EarlyClaimsSettings) {
    this.#settings = settings
  }

  /** The first pubkey that the connection authenticated. */
  get first(): Pubkey | undefined {
    return this.#first
  }

  /** Resolves once everything is given back; undefined if nothing is under way. */
  get givingBack(): Promise<unknown> | undefined {
    return this.#givingBack
  }

  /** Records claims made while nobody was authenticated, even if the first pubkey is known by now. */
  note(claims: readonly EarlyClaim[]): void {
    const { context } = this.#settings
    const keptSeconds = Math.max(GIVEN_BACK_SECONDS, context.options.claim.redeliverySeconds)
    const since = context.now() - keptSeconds
    const kept = this.#claims.filter(({ at }) => at > since)
    this.#claims = [...kept, ...claims].slice(-MAX_KEPT)
    if (this.#first !== undefined) this.#giveBack(this.#first)
  }

  /** A pubkey has authenticated; only the first one of a connection counts. */
  authenticated(pubkey: Pubkey): void {
    if (this.#first !== undefined) return
    this.#first = pubkey
    this.#giveBack(pubkey)
  }

  /**
   * The claims with the name of who can get them again. Without a pubkey that is this connection alone, because others may
   * share its address; after it has authenticated, its deliveries are repeated under both names.
   */
  named(claims: readonly Claim[]): readonly Claim[] {
    const { context } = this.#settings
    if (this.#first === undefined) return claims.map((claim) => ({ ...claim, recipient: this.#recipient }))
    const since = context.now() - context.options.claim.redeliverySeconds
    const recent = this.#claims.filter(({ at, hasOneTime }) => hasOneTime && at > since)
    if (recent.length === 0) return claims
    const repeated = new Set(recent.map(({ author }) => author))
    return claims.map((claim) =>
      repeated.has(claim.author) ? { ...claim, formerly: this.#recipient } : claim,
    )
  }

  #giveBack(author: Pubkey): void {
    const { context } = this.#settings
    const since = context.now() - GIVEN_BACK_SECONDS
    const own = this.#claims.filter((claim) => claim.author === author && claim.at > since)
    if (own.length === 0) return
    this.#claims = this.#claims.filter((claim) => !own.includes(claim))
    const under = Promise.all([this.#givingBack, this.#giveBackAll(author, own)]).finally(() => {
      if (this.#givingBack === under) this.#givingBack = undefined
    })
    this.#givingBack = under
  }

  /** Never rejects: authenticating succeeds whether or not the store does (I7). */
  async #giveBackAll(author: Pubkey, claims: readonly EarlyClaim[]): Promise<void> {
    const { context, onGivenBack } = this.#settings
    try {
      await Promise.all(claims.map((claim) => claim.giveBack()))
    } catch (error) {
      context.log.error(
        { err: error },
        'the store failed to give packages back to their author; they stay spent',
      )
    }
    onGivenBack(author)
  }
}
