/** Owners who watch for packages they publish themselves, perhaps from another device or through another process. */

import type { EventId, Pubkey } from './nostr/messages.ts'
import type { KeyPackageStore, StoredKeyPackage } from './store.ts'

export type Watcher = (pkg: StoredKeyPackage) => void

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

  /** A package has come in: who watches its author sees it, unless it is gone already. Rejects when the store does. */
  async tell(store: KeyPackageStore, author: Pubkey, id: EventId, now: number): Promise<void> {
    if (!this.#byAuthor.has(author)) return
    const pkg = (await store.list(author, now)).find((stored) => stored.id === id)
    if (pkg === undefined) return
    for (const watcher of this.#byAuthor.get(author) ?? []) watcher(pkg)
  }
}
