/** Owners who watch for packages they publish themselves, perhaps from another device. */

import type { Pubkey } from './nostr/messages.ts'
import type { StoredKeyPackage } from './store.ts'

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

  tell(pkg: StoredKeyPackage): void {
    for (const watcher of this.#byAuthor.get(pkg.author) ?? []) watcher(pkg)
  }
}
