/** The open subscriptions to relay lists, and which of them a new list is for. */

import { matchFilter } from 'nostr-tools/filter'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import type { ListFilter } from './list-filters.ts'

/**
 * Maximum size of the filters that one connection keeps, as JSON: about 3,900 authors. They stay in memory for as long as
 * the client likes, and a thousand clients may do the same (I9).
 */
const MAX_CHARACTERS = 262_144

interface Subscription {
  readonly filters: readonly ListFilter[]
  readonly size: number
  readonly send: (event: SignedEvent) => void
}

/** The subscriptions of all clients by author, so that a new list is compared only with those that name its author. */
export class ListWatchers {
  readonly #byAuthor = new Map<Pubkey, Set<Subscription>>()

  tell(event: SignedEvent): void {
    for (const { filters, send } of this.#byAuthor.get(event.pubkey) ?? []) {
      if (filters.some((filter) => matchFilter(filter, event))) send(event)
    }
  }

  add(subscription: Subscription): void {
    for (const author of authorsOf(subscription)) {
      const watching = this.#byAuthor.get(author)
      if (watching === undefined) this.#byAuthor.set(author, new Set([subscription]))
      else watching.add(subscription)
    }
  }

  remove(subscription: Subscription): void {
    for (const author of authorsOf(subscription)) {
      const watching = this.#byAuthor.get(author)
      watching?.delete(subscription)
      if (watching?.size === 0) this.#byAuthor.delete(author)
    }
  }
}

/** The subscriptions of one client. */
export class ListSubscriptions {
  readonly #watchers: ListWatchers
  readonly #send: (id: string, event: SignedEvent) => void
  readonly #open = new Map<string, Subscription>()
  #size = 0
  #isClosed = false

  constructor(watchers: ListWatchers, send: (id: string, event: SignedEvent) => void) {
    this.#watchers = watchers
    this.#send = send
  }

  /**
   * Opens a subscription in place of the one with the same id.
   * @throws Refusal `blocked`; then neither is open
   */
  open(id: string, filters: readonly ListFilter[]): void {
    this.close(id)
    if (this.#isClosed || filters.length === 0) return
    const size = JSON.stringify(filters).length
    if (this.#size + size > MAX_CHARACTERS) {
      throw new Refusal(
        'blocked',
        `the filters of all open subscriptions to relay lists may have at most ${MAX_CHARACTERS} characters`,
      )
    }
    const subscription = { filters, size, send: (event: SignedEvent) => this.#send(id, event) }
    this.#open.set(id, subscription)
    this.#size += size
    this.#watchers.add(subscription)
  }

  close(id: string): void {
    const subscription = this.#open.get(id)
    if (subscription === undefined) return
    this.#open.delete(id)
    this.#size -= subscription.size
    this.#watchers.remove(subscription)
  }

  /** The client has disconnected. A message of it that is still handled opens nothing. */
  closeAll(): void {
    this.#isClosed = true
    for (const id of [...this.#open.keys()]) this.close(id)
  }
}

function authorsOf({ filters }: Subscription): ReadonlySet<Pubkey> {
  return new Set(filters.flatMap(({ authors }) => authors))
}
