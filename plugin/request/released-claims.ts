/**
 * Remembers claims of this server that were released because nothing was sent, until their packages can no longer be
 * in use.
 */

import { apart } from '../apart.ts'
import type { EventId } from '../nostr/messages.ts'
import { alone, type Channel, type Siblings } from '../siblings.ts'
import type { StoredKeyPackage } from '../store.ts'

/** A Welcome usually follows the claim within minutes. */
const KEPT_SECONDS = 3600
/** Bounds memory even if connections are lost often (I9). */
const MAX_KEPT = 10_000

type Released = Pick<StoredKeyPackage, 'author' | 'id' | 'kind'>

/** A requester was not sent what they had claimed. */
interface ReleaseNews {
  readonly requester: string
  readonly packages: readonly Released[]
  /** Seconds since the epoch. */
  readonly at: number
}

export class ReleasedClaims {
  /** By requester and event id, oldest first. */
  readonly #kept = new Map<string, { readonly pkg: Released; readonly until: number }>()

  readonly #channel: Channel<ReleaseNews>

  /** @param siblings remember the same; none by default */
  constructor(siblings: Siblings = alone) {
    this.#channel = siblings.channel('released claims')
    this.#channel.hear(({ requester, packages, at }) => this.#note(requester, packages, at))
  }

  note(requester: string, packages: readonly Released[], now: number): void {
    const released = packages.map(({ author, id, kind }) => ({ author, id: apart(id), kind }))
    this.#note(requester, released, now)
    this.#channel.tell({ requester, packages: released, at: now })
  }

  #note(requester: string, packages: readonly Released[], now: number): void {
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
