/** Which slots this process has delivered to whom: the same slots again use no quota. */

import type { EventId, Pubkey } from '../nostr/messages.ts'

/** Bounds memory: what was used least recently is forgotten first (I9). */
const MAX_KEPT = 100_000
/** Of one author to one requester. An author usually has one slot for each device. */
const MAX_OF_ONE = 256

export class SeenSlots {
  /** By requester and author, the least recently used first. Ids are oldest first. */
  readonly #kept = new Map<string, readonly EventId[]>()
  #count = 0

  /** What this requester was delivered of this author. */
  of(requester: string, author: Pubkey): readonly EventId[] {
    const key = keyOf(requester, author)
    const ids = this.#kept.get(key) ?? []
    this.#keep(key, ids)
    return ids
  }

  /** Returns those of `ids` that are new. */
  add(requester: string, author: Pubkey, ids: readonly EventId[]): EventId[] {
    const before = this.of(requester, author)
    const added = ids.filter((id) => !before.includes(id))
    this.#keep(keyOf(requester, author), [...before, ...added].slice(-MAX_OF_ONE))
    return added
  }

  /** These were not delivered after all. */
  forget(requester: string, author: Pubkey, ids: readonly EventId[]): void {
    if (ids.length === 0) return
    const key = keyOf(requester, author)
    this.#keep(
      key,
      (this.#kept.get(key) ?? []).filter((id) => !ids.includes(id)),
    )
  }

  #keep(key: string, ids: readonly EventId[]): void {
    this.#drop(key)
    if (ids.length === 0) return
    this.#kept.set(key, ids)
    this.#count += ids.length
    for (const oldest of this.#kept.keys()) {
      if (this.#count <= MAX_KEPT) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#count -= this.#kept.get(key)?.length ?? 0
    this.#kept.delete(key)
  }
}

function keyOf(requester: string, author: Pubkey): string {
  return `${requester} ${author}`
}
