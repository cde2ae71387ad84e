/**
 * Who hears of a package that was just stored, also by another process: its owners, and those who have claimed packages of its
 * author.
 */

import type { Access } from '../access/access.ts'
import { type DeliveryEncoding, deliveredEvent } from '../key-package/encoding.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
import type { KeyPackageStore, StockedPackage } from '../store.ts'

/** A package that was just stored. */
export interface PublishedPackage extends StockedPackage {
  readonly author: Pubkey
  /** Its event. All watchers that want the same encoding share one object, which bounds memory (I9). */
  readonly as: (encoding: DeliveryEncoding) => SignedEvent
}

export type Watcher = (pkg: PublishedPackage) => void

/** How many watchers are told in one turn of the event loop: an author may have thousands (I9). */
const TOLD_A_TURN = 50

export class Watchers {
  readonly #byAuthor = new Map<Pubkey, Set<Watcher>>()

  /** Calls `watcher` for each package the author publishes, until it is removed. */
  add(author: Pubkey, watcher: Watcher): void {
    const watchers = this.#byAuthor.get(author) ?? new Set()
    this.#byAuthor.set(author, watchers.add(watcher))
  }

  remove(author: Pubkey, watcher: Watcher): void {
    const watchers = this.#byAuthor.get(author)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#byAuthor.delete(author)
  }

  /**
   * Shows a new package to the watchers of its author, unless it has left the stock already, or its author is banned. Rejects
   * when the store does.
   */
  async tell(
    {
      store,
      access,
    }: { readonly store: Pick<KeyPackageStore, 'list'>; readonly access: Pick<Access, 'pushes'> },
    author: Pubkey,
    id: EventId,
    now: number,
  ): Promise<void> {
    if (!this.#byAuthor.has(author) || !(await access.pushes(author))) return
    const pkg = (await store.list(author, now)).find((listed) => listed.id === id)
    const stored = await pkg?.read()
    if (pkg === undefined || stored === undefined) return
    const events = new Map<DeliveryEncoding, SignedEvent>()
    const as = (encoding: DeliveryEncoding) => {
      const event = events.get(encoding) ?? deliveredEvent(stored, encoding)
      events.set(encoding, event)
      return event
    }
    const watchers = this.#byAuthor.get(author) ?? new Set()
    for (const [index, watcher] of [...watchers].entries()) {
      if (index > 0 && index % TOLD_A_TURN === 0) await nextTurn()
      if (watchers.has(watcher)) watcher({ ...pkg, as })
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
