/** Which slots this process has heard should be rotated, until they have left the stock. */

import type { KeyPackageRef } from '../key-package/decode.ts'
import type { Pubkey } from '../nostr/messages.ts'
import { isOneTime } from '../stock/selection.ts'
import type { KeyPackageStore } from '../store.ts'

/** Bound memory: the authors that were heard of longest ago are forgotten first (I9). */
const MAX_AUTHORS = 10_000
/** The newest are kept. An author usually has one slot for each device. */
const MAX_OF_ONE = 16

export class DueRotations {
  readonly #store: Pick<KeyPackageStore, 'list'>
  readonly #slots = new Map<Pubkey, readonly KeyPackageRef[]>()

  constructor(store: Pick<KeyPackageStore, 'list'>) {
    this.#store = store
  }

  add(author: Pubkey, slot: KeyPackageRef): void {
    const others = this.#of(author).filter((other) => other !== slot)
    this.#slots.delete(author)
    this.#slots.set(author, [...others, slot].slice(-MAX_OF_ONE))
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= MAX_AUTHORS) return
      this.#slots.delete(oldest)
    }
  }

  /** Whether one of the author's slots should still be rotated. Rejects when the store does; asks it only if there was one. */
  async has(author: Pubkey, now: number): Promise<boolean> {
    if (this.#of(author).length === 0) return false
    const packages = await this.#store.list(author, now)
    const inStock = new Set(packages.filter((pkg) => !isOneTime(pkg)).map(({ ref }) => ref))
    const due = this.#of(author).filter((slot) => inStock.has(slot))
    if (due.length === 0) this.#slots.delete(author)
    else this.#slots.set(author, due)
    return due.length > 0
  }

  #of(author: Pubkey): readonly KeyPackageRef[] {
    return this.#slots.get(author) ?? []
  }
}
