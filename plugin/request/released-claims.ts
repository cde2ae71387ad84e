/**
 * Remembers claims of this process that were released because nothing was sent, until their packages can no longer be
 * in use.
 */

import type { EventId } from '../nostr/messages.ts'
import type { StoredKeyPackage } from '../store.ts'

/** A Welcome usually follows the claim within minutes. */
const KEPT_SECONDS = 3600
/** Bounds memory even if connections are lost often (I9). */
const MAX_KEPT = 10_000

type Released = Pick<StoredKeyPackage, 'author' | 'id' | 'kind'>

export class ReleasedClaims {
  /** By requester and event id, oldest first. */
  readonly #kept = new Map<string, { readonly pkg: Released; readonly until: number }>()

  note(requester: string, packages: readonly Released[], now: number): void {
    for (const { author, id, kind } of packages) {
      const key = keyOf(requester, id)
      this.#kept.delete(key)
      this.#kept.set(key, { pkg: { author, id, kind }, until: now + KEPT_SECONDS })
    }
    for (const [key, { until }] of this.#kept) {
      if (until > now && this.#kept.size <= MAX_KEPT) return
      this.#kept.delete(key)
    }
  }

  /** Returns and forgets the packages among `ids` that this requester claimed but was not sent. */
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
