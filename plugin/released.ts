/** Claims of this process that were undone because nothing was sent, for as long as their packages may turn up. */

import type { EventId } from './nostr/messages.ts'
import type { StoredKeyPackage } from './store.ts'

/** Who is welcomed to a group with a key package is so within minutes of its claim. */
const KEPT_SECONDS = 3600
/** However often sockets are lost (I9). */
const MOST_KEPT = 10_000

type Released = Pick<StoredKeyPackage, 'author' | 'id' | 'kind'>

export class ReleasedClaims {
  /** By requester and event id, the oldest first. */
  readonly #kept = new Map<string, { readonly pkg: Released; readonly until: number }>()

  note(requester: string, packages: readonly Released[], now: number): void {
    for (const { author, id, kind } of packages) {
      const key = keyOf(requester, id)
      this.#kept.delete(key)
      this.#kept.set(key, { pkg: { author, id, kind }, until: now + KEPT_SECONDS })
    }
    for (const [key, { until }] of this.#kept) {
      if (until > now && this.#kept.size <= MOST_KEPT) return
      this.#kept.delete(key)
    }
  }

  /** Those of the packages that this requester claimed and was not sent; they are forgotten. */
  take(requester: string, ids: readonly string[], now: number): Released[] {
    return ids.flatMap((id) => {
      const key = keyOf(requester, id)
      const found = this.#kept.get(key)
      this.#kept.delete(key)
      return found !== undefined && found.until > now ? [found.pkg] : []
    })
  }
}

function keyOf(requester: string, id: EventId): string {
  return `${requester} ${id}`
}
