/**
 * Maps subscription ids between client and relay, and passes exactly one EOSE for each REQ. The relay gets the client's own
 * id, unless it may still send messages for an earlier subscription of that id. The gateway ends subscriptions by itself,
 * so a client could not tell which of the two a late EOSE belongs to.
 */

import { randomBytes } from 'node:crypto'
import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'
import { isSubscriptionId } from '../../../plugin/request/subscriptions.ts'

/** Closed ids that the relay may still use; some relays never send the EOSE of a closed REQ (I9). */
const MAX_STALE = 1000
const ABOUT_SUBSCRIPTIONS = new Set(['EVENT', 'EOSE', 'CLOSED'])

/** Ids that NIP-01 does not allow pass unchanged and are not remembered, because they may be long (I9). */
export class SubscriptionIds {
  /** How many REQs have no EOSE yet, by the relay's id of each open subscription. */
  readonly #awaitingEose = new Map<unknown, number>()
  /** The relay's ids that were closed before their EOSE. */
  readonly #stale = new Set<unknown>()
  /** The relay's id by the client's, and the other way round, where they differ. */
  readonly #relayIds = new Map<unknown, string>()
  readonly #clientIds = new Map<unknown, unknown>()
  /** Random, so that no client can use an id that we make; made with the first. */
  #prefix: string | undefined
  #aliases = 0

  /** Whether every id the relay uses is the client's own, so that frames can pass unparsed. */
  get isPlain(): boolean {
    return this.#stale.size === 0 && this.#clientIds.size === 0
  }

  /** A client's message with the id that the relay knows. */
  toRelay(message: ClientMessage): ClientMessage {
    const [verb, id, ...rest] = message
    if (verb !== 'REQ' && verb !== 'CLOSE') return message
    if (!isSubscriptionId(id)) return message
    const relayId = verb === 'REQ' ? this.#open(id) : this.#close(id)
    return relayId === id ? message : [verb, relayId, ...rest]
  }

  /**
   * A relay's message with the id that the client knows. Undefined: it belongs to a closed subscription, or is a second
   * EOSE.
   */
  toClient(message: RelayMessage): RelayMessage | undefined {
    const [verb, relayId, ...rest] = message
    if (!ABOUT_SUBSCRIPTIONS.has(verb)) return message
    const id = this.#clientIds.get(relayId) ?? relayId
    if (verb !== 'EVENT') this.#stale.delete(relayId)
    // The client's id has been opened again under an alias, or the alias's subscription is closed.
    if (this.#relayIds.has(relayId) || this.#isAlias(id)) return undefined
    if (verb === 'EOSE' && !this.#takeEose(relayId)) return undefined
    if (verb === 'CLOSED') this.#forget(id, relayId)
    return relayId === id ? message : [verb, id, ...rest]
  }

  #open(id: unknown): unknown {
    const relayId = this.#relayIds.get(id) ?? (this.#stale.has(id) ? this.#makeAlias(id) : id)
    this.#awaitingEose.set(relayId, (this.#awaitingEose.get(relayId) ?? 0) + 1)
    return relayId
  }

  #close(id: unknown): unknown {
    const relayId = this.#relayIds.get(id) ?? id
    if ((this.#awaitingEose.get(relayId) ?? 0) > 0) this.#markStale(relayId)
    this.#forget(id, relayId)
    return relayId
  }

  #forget(id: unknown, relayId: unknown): void {
    this.#awaitingEose.delete(relayId)
    this.#relayIds.delete(id)
    this.#clientIds.delete(relayId)
  }

  /** Whether a REQ of that id is waiting for its EOSE; the relay may send more than one. */
  #takeEose(relayId: unknown): boolean {
    const awaiting = this.#awaitingEose.get(relayId)
    if (awaiting === 0) return false
    if (awaiting !== undefined) this.#awaitingEose.set(relayId, awaiting - 1)
    return true
  }

  #makeAlias(id: unknown): string {
    this.#aliases += 1
    this.#prefix ??= `${randomBytes(9).toString('base64url')}:`
    const alias = `${this.#prefix}${this.#aliases}`
    this.#relayIds.set(id, alias)
    this.#clientIds.set(alias, id)
    return alias
  }

  #markStale(relayId: unknown): void {
    const [oldest] = this.#stale
    if (this.#stale.size >= MAX_STALE) this.#stale.delete(oldest)
    this.#stale.add(relayId)
  }

  #isAlias(relayId: unknown): boolean {
    return this.#prefix !== undefined && typeof relayId === 'string' && relayId.startsWith(this.#prefix)
  }
}
