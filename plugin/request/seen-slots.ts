/** Which slots this server has delivered to whom: the same slots again use no quota. */

import { apart } from '../apart.ts'
import type { EventId, Pubkey } from '../nostr/messages.ts'
import { alone, type Channel, type Siblings } from '../siblings.ts'

/** Bounds memory: what was used least recently is forgotten first (I9). */
const MAX_KEPT = 100_000
/** Of one author to one requester. An author usually has one slot for each device. */
const MAX_OF_ONE = 256

/** What was delivered to a requester, or was not after all. */
interface SeenNews {
  readonly what: 'seen' | 'not seen'
  readonly requester: string
  readonly author: Pubkey
  readonly ids: readonly EventId[]
}

export class SeenSlots {
  /** By requester and author, the least recently used first. Ids are oldest first. */
  readonly #kept = new Map<string, readonly EventId[]>()
  readonly #channel: Channel<SeenNews>
  #count = 0

  /** @param siblings remember the same; none by default */
  constructor(siblings: Siblings = alone) {
    this.#channel = siblings.channel('seen slots')
    this.#channel.hear(({ what, requester, author, ids }) => {
      if (what === 'seen') this.#add(requester, author, ids)
      else this.#forget(requester, author, ids)
    })
  }

  /** What this requester was delivered of this author. */
  of(requester: string, author: Pubkey): readonly EventId[] {
    const key = keyOf(requester, author)
    const ids = this.#kept.get(key) ?? []
    this.#keep(key, ids)
    return ids
  }

  /** Returns those of `ids` that are new. */
  add(requester: string, author: Pubkey, ids: readonly EventId[]): EventId[] {
    const added = this.#add(requester, author, ids)
    if (added.length > 0) this.#channel.tell({ what: 'seen', requester, author, ids: added })
    return added
  }

  /** These were not delivered after all. */
  forget(requester: string, author: Pubkey, ids: readonly EventId[]): void {
    if (ids.length === 0) return
    this.#forget(requester, author, ids)
    this.#channel.tell({ what: 'not seen', requester, author, ids })
  }

  #add(requester: string, author: Pubkey, ids: readonly EventId[]): EventId[] {
    const before = this.of(requester, author)
    const added = ids.filter((id) => !before.includes(id)).map(apart)
    this.#keep(keyOf(requester, author), [...before, ...added].slice(-MAX_OF_ONE))
    return added
  }

  #forget(requester: string, author: Pubkey, ids: readonly EventId[]): void {
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
