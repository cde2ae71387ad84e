/** What one client sees of what the relay says, and what the session learns from it. */

import { mayBeOfKind } from './nostr/event.ts'
import type { Identity } from './nostr/identity.ts'
import type { Pubkey, RelayMessage } from './nostr/messages.ts'
import type { OwnCounts } from './own-counts.ts'
import type { Subscriptions } from './subscriptions.ts'

/** The parts of a session that the relay's words concern. */
export interface RelayViewParts {
  readonly identity: Identity
  readonly subscriptions: Subscriptions
  readonly ownCounts: OwnCounts
  /** The kinds that the gateway has taken over. */
  readonly kinds: readonly number[]
}

export class RelayView {
  readonly #parts: RelayViewParts

  constructor(parts: RelayViewParts) {
    this.#parts = parts
  }

  /** The message as the client gets it; undefined: not at all. */
  show(message: RelayMessage): RelayMessage | undefined {
    const [verb, id, subject] = message
    switch (verb) {
      case 'AUTH':
        this.#parts.identity.expectAnswerTo(id)
        return message
      case 'OK':
        this.#parts.identity.believe(id, subject)
        return message
      case 'COUNT':
        return this.#parts.ownCounts.complete(message)
      case 'EVENT':
        return this.#isGatewayOnly(id) || message.some((part) => this.#isHidden(part)) ? undefined : message
      case 'EOSE':
        return this.#isGatewayOnly(id) ? undefined : message
      case 'CLOSED':
        if (this.#isGatewayOnly(id)) return undefined
        this.#parts.subscriptions.end(id)
        this.#parts.ownCounts.forget(id)
        return message
      default:
        return message
    }
  }

  #isGatewayOnly(id: unknown): boolean {
    return this.#parts.subscriptions.get(id)?.forwarded === false
  }

  /** Whether a relay's event is a key package that is not this client's own (I4). */
  #isHidden(event: unknown): boolean {
    if (!mayBeOfKind(event, this.#parts.kinds)) return false
    const { pubkey } = event as { pubkey?: Pubkey }
    return pubkey === undefined || !this.#parts.identity.pubkeys().has(pubkey)
  }
}
