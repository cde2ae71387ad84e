/** The open subscriptions of one connection, and its REQs that are not answered yet. */

import type { Answer, Connection } from '../connection.ts'
import type { Pubkey } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import type { Feed } from './feed.ts'

/** NIP-01: a subscription id must be a string of 1 to 64 characters. */
export const MAX_SUBSCRIPTION_ID_LENGTH = 64
/** Used if the relay sets no limit; most relays allow far fewer. It bounds a client that never sends CLOSE (I9). */
const DEFAULT_MAX_OPEN = 1000

/** An open subscription. `forwarded`: the relay answers a part of it. `feed`: the gateway answers a part of it. */
export interface Subscription {
  readonly forwarded: boolean
  readonly feed?: Feed
}

/** A REQ that is not answered yet. */
export interface PendingRequest {
  readonly id: unknown
  cancelled: boolean
  /** Called on cancellation, to stop work in progress. */
  onCancelled?: () => void
}

/** @throws Refusal `invalid` */
export function checkSubscriptionId(id: unknown): asserts id is string {
  if (isSubscriptionId(id)) return
  throw new Refusal(
    'invalid',
    `a subscription id must be a string of 1 to ${MAX_SUBSCRIPTION_ID_LENGTH} characters`,
  )
}

export class Subscriptions {
  readonly #open = new Map<unknown, Subscription>()
  readonly #pending = new Set<PendingRequest>()
  readonly #max: number
  /**
   * Whether the relay's subscriptions count too. Otherwise they are forgotten, oldest first, to make room for the
   * gateway's.
   */
  readonly #countsAll: boolean
  readonly #onTooMany: (() => void) | undefined

  /** Without `maxSubscriptions` the relay counts its own. */
  constructor({
    maxSubscriptions,
    onTooManySubscriptions,
  }: Pick<Connection, 'maxSubscriptions' | 'onTooManySubscriptions'>) {
    this.#max = maxSubscriptions ?? DEFAULT_MAX_OPEN
    this.#countsAll = maxSubscriptions !== undefined
    this.#onTooMany = onTooManySubscriptions
  }

  get(id: unknown): Subscription | undefined {
    return this.#open.get(id)
  }

  /** Registers a REQ that has arrived. */
  announce(id: unknown): PendingRequest {
    const request: PendingRequest = { id, cancelled: false }
    this.#pending.add(request)
    return request
  }

  /** Handles a CLOSE: earlier REQs with that id need no answer any more. */
  cancel(id: unknown): void {
    for (const request of this.#pending) if (request.id === id) this.#cancel(request)
  }

  settle(request: PendingRequest): void {
    this.#pending.delete(request)
  }

  /** @throws Refusal `blocked` if the maximum is reached */
  requireRoom(id: unknown): void {
    if (this.#makeRoom(id)) return
    this.#onTooMany?.()
    throw new Refusal('blocked', `at most ${this.#max} subscriptions at a time`)
  }

  /** The same for a REQ that only the relay answers. An id that is invalid by NIP-01 opens no subscription. */
  requireRoomForRelay(id: unknown): void {
    if (this.#countsAll && isSubscriptionId(id)) this.requireRoom(id)
  }

  /**
   * Opens a subscription; one with the same id is replaced. One that only the relay has is not recorded if there is no
   * room.
   */
  open(id: unknown, subscription: Subscription): void {
    this.end(id)
    if (isSubscriptionId(id) && this.#makeRoom(id)) this.#open.set(id, subscription)
  }

  end(id: unknown): Subscription | undefined {
    const subscription = this.#open.get(id)
    this.#open.delete(id)
    subscription?.feed?.stop()
    return subscription
  }

  /** The client turned out to be this author: what it asks for of them is its own (I10). */
  becomeOwn(author: Pubkey): void {
    for (const { feed } of this.#open.values()) feed?.becomeOwn(author)
  }

  endAll(): void {
    for (const request of this.#pending) this.#cancel(request)
    for (const id of [...this.#open.keys()]) this.end(id)
  }

  #cancel(request: PendingRequest): void {
    request.cancelled = true
    request.onCancelled?.()
  }

  /** The relay's subscriptions may be forgotten, oldest first: the relay may have refused them in a message without an id. */
  #makeRoom(id: unknown): boolean {
    if (this.#open.has(id) || this.#open.size < this.#max) return true
    if (this.#countsAll) return false
    for (const [oldest, { forwarded, feed }] of this.#open) {
      if (forwarded && feed === undefined) return this.#open.delete(oldest)
    }
    return false
  }
}

export function isSubscriptionId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= MAX_SUBSCRIPTION_ID_LENGTH
}

/** Ends a subscription that is replaced or refused. If the relay answers a part of it, a CLOSE is forwarded. */
export function endSubscription(subscriptions: Subscriptions, id: unknown): Pick<Answer, 'forward'> {
  return subscriptions.end(id)?.forwarded ? { forward: ['CLOSE', id] } : {}
}
