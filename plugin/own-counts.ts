/** Adds an owner's packages to the relay's answer to their COUNT (NIP-45). */

import type { RelayMessage } from './nostr/messages.ts'

/** Maximum COUNTs of one connection that wait for the relay; some relays never answer (I9). */
const MAX_WAITING = 16

export class OwnCounts {
  readonly #waiting = new Map<unknown, number>()

  /** A COUNT was forwarded to the relay, whose answer will lack `own` packages. */
  expect(id: unknown, own: number): void {
    this.forget(id)
    if (own === 0) return
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size >= MAX_WAITING) this.#waiting.delete(oldest)
    this.#waiting.set(id, own)
  }

  forget(id: unknown): void {
    this.#waiting.delete(id)
  }

  /** The relay's COUNT with the owner's packages added. */
  complete(message: RelayMessage): RelayMessage {
    const [verb, id, counted, ...more] = message
    const own = this.#waiting.get(id)
    this.forget(id)
    if (own === undefined || !isCount(counted)) return message
    return [verb, id, { ...counted, count: counted.count + own }, ...more]
  }
}

function isCount(counted: unknown): counted is { readonly count: number } {
  return (
    typeof counted === 'object' && counted !== null && 'count' in counted && typeof counted.count === 'number'
  )
}
