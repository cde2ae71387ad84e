/**
 * Under which id the relay knows a subscription: its own, unless the relay may still send what belongs to an older one
 * of that id. The gateway may end a subscription by itself, so a client cannot tell whose late EOSE it hears.
 */

import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'

/** Ids the relay may still speak of; some relays never end what they were told to close (I9). */
const MOST_STALE = 1000
const ALIAS = 'again:'
const ENDS = new Set(['EOSE', 'CLOSED'])
const ABOUT_SUBSCRIPTIONS = new Set(['EVENT', 'EOSE', 'CLOSED'])

export class SubscriptionIds {
  /** REQs without an end yet, by the relay's id. */
  readonly #unended = new Set<unknown>()
  /** The relay's ids that were closed before their end. */
  readonly #stale = new Set<unknown>()
  /** Where both differ. */
  readonly #relayIds = new Map<unknown, string>()
  readonly #clientIds = new Map<unknown, unknown>()
  #aliases = 0

  /** Whether any id of the relay is not what it seems. */
  get isPlain(): boolean {
    return this.#stale.size === 0 && this.#clientIds.size === 0
  }

  /** A client's message, as the relay is to have it. */
  up(message: ClientMessage): ClientMessage {
    const [verb, id, ...rest] = message
    if (verb === 'REQ') return this.#open(message)
    if (verb !== 'CLOSE') return message
    const relayId = this.#relayIds.get(id) ?? id
    if (this.#unended.delete(relayId)) this.#retire(relayId)
    this.#relayIds.delete(id)
    this.#clientIds.delete(relayId)
    return relayId === id ? message : [verb, relayId, ...rest]
  }

  /** A relay's message, as the client is to have it; undefined: it belongs to a subscription whose id is used again. */
  down(message: RelayMessage): RelayMessage | undefined {
    const [verb, relayId, ...rest] = message
    if (!ABOUT_SUBSCRIPTIONS.has(verb)) return message
    if (ENDS.has(verb)) this.#unended.delete(relayId)
    if (this.#stale.has(relayId)) {
      if (ENDS.has(verb)) this.#stale.delete(relayId)
      return this.#relayIds.has(relayId) || isAlias(relayId) ? undefined : message
    }
    return this.#clientIds.has(relayId) ? [verb, this.#clientIds.get(relayId), ...rest] : message
  }

  #open(message: ClientMessage): ClientMessage {
    const [verb, id, ...filters] = message
    const relayId = this.#relayIds.get(id) ?? (this.#stale.has(id) ? this.#rename(id) : id)
    if (this.#unended.size < MOST_STALE) this.#unended.add(relayId)
    return relayId === id ? message : [verb, relayId, ...filters]
  }

  #rename(id: unknown): string {
    this.#aliases += 1
    const alias = `${ALIAS}${this.#aliases}`
    this.#relayIds.set(id, alias)
    this.#clientIds.set(alias, id)
    return alias
  }

  #retire(relayId: unknown): void {
    const [oldest] = this.#stale
    if (this.#stale.size >= MOST_STALE) this.#stale.delete(oldest)
    this.#stale.add(relayId)
  }
}

function isAlias(relayId: unknown): boolean {
  return typeof relayId === 'string' && relayId.startsWith(ALIAS)
}
