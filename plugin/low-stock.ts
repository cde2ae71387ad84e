/** Who is told when an author runs low: what a store needs for `onLowStock`. */

import type { Pubkey } from './nostr/messages.ts'
import type { LowStockListener } from './store.ts'

export class LowStockListeners {
  readonly #listeners = new Set<LowStockListener>()

  add(listener: LowStockListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(author: Pubkey, remaining: number): void {
    for (const listener of this.#listeners) listener(author, remaining)
  }
}
