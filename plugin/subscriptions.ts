/** The open subscriptions of one connection, and the REQs on their way to become one. */

import type { SignedEvent } from './nostr/messages.ts'

/** An open subscription: whether the relay has a part of it, and how to end the gateway's. */
export interface Subscription {
  readonly forwarded: boolean
  readonly stop?: () => void
}

/** A REQ that is not answered yet. */
export interface PendingRequest {
  readonly id: unknown
  cancelled: boolean
}

export class Subscriptions {
  readonly #open = new Map<unknown, Subscription>()
  readonly #pending = new Set<PendingRequest>()

  get(id: unknown): Subscription | undefined {
    return this.#open.get(id)
  }

  /** A REQ has come in. */
  announce(id: unknown): PendingRequest {
    const request = { id, cancelled: false }
    this.#pending.add(request)
    return request
  }

  /** A CLOSE has come in: REQs of that id that came before it need no answer any more. */
  cancel(id: unknown): void {
    for (const request of this.#pending) if (request.id === id) request.cancelled = true
  }

  settle(request: PendingRequest): void {
    this.#pending.delete(request)
  }

  /** Opens a subscription in place of one with the same id, which it returns. */
  open(id: unknown, subscription: Subscription): Subscription | undefined {
    const previous = this.end(id)
    this.#open.set(id, subscription)
    return previous
  }

  end(id: unknown): Subscription | undefined {
    const subscription = this.#open.get(id)
    this.#open.delete(id)
    subscription?.stop?.()
    return subscription
  }

  endAll(): void {
    for (const request of this.#pending) request.cancelled = true
    for (const id of [...this.#open.keys()]) this.end(id)
  }
}

/** A live feed that holds its events back until those already stored are out. */
export class HeldFeed {
  readonly #send: (event: SignedEvent) => void
  #held: SignedEvent[] | undefined = []

  constructor(send: (event: SignedEvent) => void) {
    this.#send = send
  }

  readonly show = (event: SignedEvent): void => {
    if (this.#held === undefined) this.#send(event)
    else this.#held.push(event)
  }

  /** Lets events through from now on; returns those held back that were not shown already. */
  flow(shown: readonly SignedEvent[]): SignedEvent[] {
    const held = this.#held ?? []
    this.#held = undefined
    return held.filter(({ id }) => !shown.some((event) => event.id === id))
  }
}
