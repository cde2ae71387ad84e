/** What a client gets of the relay's messages, and what the session learns from them. */

import type { FollowListLearner } from '../lifecycle/follow-list.ts'
import { mayBeOfKind } from '../nostr/event.ts'
import type { Identity } from '../nostr/identity.ts'
import type { Pubkey, RelayMessage } from '../nostr/messages.ts'
import type { Counting } from './counting.ts'
import type { Subscriptions } from './subscriptions.ts'

/** The parts of a session that the relay's messages concern. */
export interface RelayViewParts {
  readonly identity: Identity
  readonly subscriptions: Subscriptions
  readonly counting: Counting
  readonly followLists: FollowListLearner
  /** The kinds that the gateway handles. */
  readonly kinds: readonly number[]
}

export class RelayView {
  readonly #parts: RelayViewParts

  constructor(parts: RelayViewParts) {
    this.#parts = parts
  }

  /** The message as the client gets it; undefined if it is hidden. */
  show(message: RelayMessage): RelayMessage | undefined {
    const [verb, id, subject] = message
    switch (verb) {
      case 'AUTH':
        this.#parts.identity.onRelayChallenge(id)
        return message
      case 'OK':
        this.#parts.identity.onRelayOk(id, subject)
        this.#parts.followLists.confirm(id, subject)
        return message
      case 'COUNT':
        return this.#parts.counting.complete(message)
      case 'EVENT':
        if (this.#isGatewayOnly(id) || message.some((part) => this.#isHidden(part))) return undefined
        return this.#isShown(id, subject) ? undefined : message
      case 'EOSE':
        return this.#isGatewayOnly(id) ? undefined : message
      case 'CLOSED':
        if (this.#isGatewayOnly(id)) return undefined
        this.#parts.subscriptions.end(id)
        this.#parts.counting.forget(id)
        return message
      default:
        return message
    }
  }

  #isGatewayOnly(id: unknown): boolean {
    return this.#parts.subscriptions.get(id)?.forwarded === false
  }

  /** Whether the gateway has shown the event already: an owner's package that the relay stores as well. */
  #isShown(subscriptionId: unknown, event: unknown): boolean {
    if (!mayBeOfKind(event, this.#parts.kinds)) return false
    const { id } = event as { id?: unknown }
    return this.#parts.subscriptions.get(subscriptionId)?.feed?.hasShown(id) === true
  }

  /** Whether an event of the relay is a key package of another author (I4). */
  #isHidden(event: unknown): boolean {
    if (!mayBeOfKind(event, this.#parts.kinds)) return false
    const { pubkey } = event as { pubkey?: Pubkey }
    return pubkey === undefined || !this.#parts.identity.pubkeys().has(pubkey)
  }
}
