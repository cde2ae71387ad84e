/**
 * The live feeds of owners. They show packages that the owner publishes, also from another device or through another
 * process.
 */

import { type DeliveryEncoding, deliveredEvent } from '../key-package/encoding.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
import { meets } from '../stock/selection.ts'
import type { KeyPackageStore, StockedPackage } from '../store.ts'
import type { Query } from './plan.ts'

/** A package that was just stored. */
interface PublishedPackage extends StockedPackage {
  /** Its event. All watchers that want the same encoding share one object, which bounds memory (I9). */
  readonly as: (encoding: DeliveryEncoding) => SignedEvent
}

export type Watcher = (pkg: PublishedPackage) => void

export class Watchers {
  readonly #byAuthor = new Map<Pubkey, Set<Watcher>>()

  /** Calls `watcher` for each package the author publishes, until the returned function is called. */
  add(author: Pubkey, watcher: Watcher): () => void {
    const watchers = this.#byAuthor.get(author) ?? new Set()
    this.#byAuthor.set(author, watchers.add(watcher))
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#byAuthor.get(author) === watchers) this.#byAuthor.delete(author)
    }
  }

  /**
   * Calls `show` for each package that owners publish from now on and that matches the query. Returns a function that
   * stops it.
   */
  watch({ own, hints }: Query, show: (event: SignedEvent) => void): () => void {
    const stops = [...own].map(([author, filters]) =>
      this.add(author, (pkg) => {
        if (!filters.some(({ narrowing }) => meets(pkg, narrowing))) return
        show(pkg.as(hints.get(author) ?? 'as-published'))
      }),
    )
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** Shows a new package to the watchers of its author, unless it has left the stock already. Rejects when the store does. */
  async tell(store: KeyPackageStore, author: Pubkey, id: EventId, now: number): Promise<void> {
    if (!this.#byAuthor.has(author)) return
    const pkg = (await store.list(author, now)).find((listed) => listed.id === id)
    const stored = await pkg?.read()
    if (pkg === undefined || stored === undefined) return
    const events = new Map<DeliveryEncoding, SignedEvent>()
    const as = (encoding: DeliveryEncoding) => {
      const event = events.get(encoding) ?? deliveredEvent(stored, encoding)
      events.set(encoding, event)
      return event
    }
    for (const watcher of this.#byAuthor.get(author) ?? []) watcher({ ...pkg, as })
  }
}

/** A live feed that holds its events back until the stored ones are sent, and does not repeat those. */
export class HeldFeed {
  readonly #send: (event: SignedEvent) => void
  readonly #shown = new Set<EventId>()
  #held: SignedEvent[] | undefined = []

  constructor(send: (event: SignedEvent) => void) {
    this.#send = send
  }

  readonly show = (event: SignedEvent): void => {
    if (this.#shown.has(event.id)) return
    if (this.#held === undefined) this.#send(event)
    else this.#held.push(event)
  }

  /** Stops holding events back. Returns the held events that were not shown yet. */
  flow(shown: Iterable<EventId>): SignedEvent[] {
    for (const id of shown) this.#shown.add(id)
    const held = this.#held ?? []
    this.#held = undefined
    return held.filter(({ id }) => !this.#shown.has(id))
  }
}
