/**
 * Under which id the relay knows a subscription, and which of its EOSEs the client hears. The id is the client's own,
 * unless the relay may still send what belongs to an older subscription of that id: the gateway may end one by itself,
 * so a client cannot tell whose late EOSE it hears.
 */

import { randomBytes } from 'node:crypto'
import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'
import { isSubscriptionId } from '../../../plugin/subscriptions.ts'

/** Ids the relay may still speak of; some relays never end what they were told to close (I9). */
const MOST_STALE = 1000
const ABOUT_SUBSCRIPTIONS = new Set(['EVENT', 'EOSE', 'CLOSED'])

/** Ids that are none by NIP-01 go both ways as they are, and nothing is remembered of them: they may be long (I9). */
export class SubscriptionIds {
  /** How many REQs have no EOSE yet, by the relay's id of each open subscription. */
  readonly #unended = new Map<unknown, number>()
  /** The relay's ids that were closed before their end. */
  readonly #stale = new Set<unknown>()
  /** Where both differ. */
  readonly #relayIds = new Map<unknown, string>()
  readonly #clientIds = new Map<unknown, unknown>()
  /** No client can guess what an id of ours looks like, and use one. */
  readonly #prefix = `${randomBytes(9).toString('base64url')}:`
  #aliases = 0

  /** Whether any id of the relay is not what it seems. */
  get isPlain(): boolean {
    return this.#stale.size === 0 && this.#clientIds.size === 0
  }

  /** A client's message, as the relay is to have it. */
  up(message: ClientMessage): ClientMessage {
    const [verb, id, ...rest] = message
    if (verb !== 'REQ' && verb !== 'CLOSE') return message
    if (!isSubscriptionId(id)) return message
    const relayId = verb === 'REQ' ? this.#open(id) : this.#close(id)
    return relayId === id ? message : [verb, relayId, ...rest]
  }

  /**
   * A relay's message, as the client is to have it. Undefined: it belongs to a subscription that is over, or is an EOSE
   * too many.
   */
  down(message: RelayMessage): RelayMessage | undefined {
    const [verb, relayId, ...rest] = message
    if (!ABOUT_SUBSCRIPTIONS.has(verb)) return message
    const id = this.#clientIds.get(relayId) ?? relayId
    if (verb !== 'EVENT') this.#stale.delete(relayId)
    // An id in use again is another at the relay; one of ours without a subscription was closed.
    if (this.#relayIds.has(relayId) || this.#isAlias(id)) return undefined
    if (verb === 'EOSE' && !this.#end(relayId)) return undefined
    if (verb === 'CLOSED') this.#forget(id, relayId)
    return relayId === id ? message : [verb, id, ...rest]
  }

  #open(id: unknown): unknown {
    const relayId = this.#relayIds.get(id) ?? (this.#stale.has(id) ? this.#rename(id) : id)
    this.#unended.set(relayId, (this.#unended.get(relayId) ?? 0) + 1)
    return relayId
  }

  #close(id: unknown): unknown {
    const relayId = this.#relayIds.get(id) ?? id
    if ((this.#unended.get(relayId) ?? 0) > 0) this.#retire(relayId)
    this.#forget(id, relayId)
    return relayId
  }

  #forget(id: unknown, relayId: unknown): void {
    this.#unended.delete(relayId)
    this.#relayIds.delete(id)
    this.#clientIds.delete(relayId)
  }

  /** Whether a REQ of that id waits for an EOSE; a relay may send more, but one belongs to each REQ. */
  #end(relayId: unknown): boolean {
    const unended = this.#unended.get(relayId)
    if (unended === 0) return false
    if (unended !== undefined) this.#unended.set(relayId, unended - 1)
    return true
  }

  #rename(id: unknown): string {
    this.#aliases += 1
    const alias = `${this.#prefix}${this.#aliases}`
    this.#relayIds.set(id, alias)
    this.#clientIds.set(alias, id)
    return alias
  }

  #retire(relayId: unknown): void {
    const [oldest] = this.#stale
    if (this.#stale.size >= MOST_STALE) this.#stale.delete(oldest)
    this.#stale.add(relayId)
  }

  #isAlias(relayId: unknown): boolean {
    return typeof relayId === 'string' && relayId.startsWith(this.#prefix)
  }
}
