/** Asks authors who are connected for more packages when they run low. */

import { KEY_PACKAGE_KIND } from '../key-package/kinds.ts'
import type { Pubkey, RelayMessage } from '../nostr/messages.ts'

/** Sends to one connection that is authenticated as the author. */
export type Ask = (message: RelayMessage) => void

export class Replenisher {
  readonly #intervalSeconds: number
  readonly #connected = new Map<Pubkey, Set<Ask>>()
  readonly #askedAt = new Map<Pubkey, number>()

  constructor(intervalSeconds: number) {
    this.#intervalSeconds = intervalSeconds
  }

  /** An author can be reached through `ask`, until the returned function is called. */
  join(author: Pubkey, ask: Ask): () => void {
    const asks = this.#connected.get(author) ?? new Set()
    this.#connected.set(author, asks.add(ask))
    return () => {
      asks.delete(ask)
      if (asks.size === 0 && this.#connected.get(author) === asks) this.#connected.delete(author)
    }
  }

  /** Asks on every connection of the author, at most once in an interval. */
  askAll(author: Pubkey, now: number): void {
    const asks = this.#connected.get(author)
    const askedAt = this.#askedAt.get(author)
    if (asks === undefined) return
    if (askedAt !== undefined && now - askedAt < this.#intervalSeconds) return
    this.#remember(author, now)
    for (const ask of asks) ask(request(author))
  }

  /** Asks on one connection, whose author has just authenticated. */
  askOne(author: Pubkey, ask: Ask, now: number): void {
    this.#remember(author, now)
    ask(request(author))
  }

  #remember(author: Pubkey, now: number): void {
    this.#askedAt.delete(author)
    this.#askedAt.set(author, now)
    for (const [oldest, askedAt] of this.#askedAt) {
      if (now - askedAt < this.#intervalSeconds) return
      this.#askedAt.delete(oldest)
    }
  }
}

function request(author: Pubkey): RelayMessage {
  return ['REQ', 'keypackages:low', { kinds: [KEY_PACKAGE_KIND], authors: [author] }]
}
