/** The live feeds of owners: they see packages that they publish, also from another device or through another process. */

import { type DeliveryEncoding, deliveredEvent } from '../key-package/encoding.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
import { meets } from '../stock/selection.ts'
import type { KeyPackageStore, StockedPackage } from '../store.ts'
import type { Query } from './plan.ts'

/** A package that has just come in. */
interface PublishedPackage extends StockedPackage {
  /** Its event; all who want it alike share one, however many they are (I9). */
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

  /** Shows each package that owners publish from now on and that their query asks for. Returns how to stop. */
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

  /** A package has come in: who watches its author sees it, unless it is gone already. Rejects when the store does. */
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
