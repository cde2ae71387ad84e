/** Keeps what clients see, for the judges, and knows whose package an id is. */

import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import type { Claimed, Deleted, Observations, Published, Sighted } from './judging/observations.ts'

const IDS = /\b[\da-f]{64}\b/g

export class Journal implements Observations {
  readonly published: Published[] = []
  readonly deleted: Deleted[] = []
  readonly claimed: Claimed[] = []
  readonly sighted: Sighted[] = []
  readonly #owners = new Map<EventId, { readonly author: Pubkey; readonly kind: number }>()

  /** From now on it would be noticed wherever it is named. */
  knowPackage(id: EventId, author: Pubkey, kind: number): void {
    this.#owners.set(id, { author, kind })
  }

  ownerOf(id: EventId): Pubkey | undefined {
    return this.#owners.get(id)?.author
  }

  /** The packages of others that a text names (I4). */
  readText(text: string, reader: Pubkey | undefined, way: string): void {
    for (const [id] of text.matchAll(IDS)) {
      const owner = this.#owners.get(id)
      if (owner === undefined || owner.author === reader) continue
      this.sighted.push({ id, ...owner, way, isPush: false, at: performance.now() })
    }
  }
}
