/** The relay lists of a memory store. */

import {
  deleteRelayLists,
  everyKnownKind,
  type KnownRelayLists,
  offerRelayList,
  type RelayListOutcome,
  relayListsIn,
  sweepRelayLists,
} from '../../../plugin/lifecycle/known-relay-lists.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { AuthorRelayList } from '../../../plugin/store.ts'

export class RelayLists {
  readonly #known = new Map<Pubkey, KnownRelayLists>()

  /** How many authors something is known of. */
  get size(): number {
    return this.#known.size
  }

  put(event: SignedEvent, now: number, newAuthors?: 'report'): RelayListOutcome {
    const { lists, outcome } = offerRelayList(this.#known.get(event.pubkey) ?? {}, event, now, newAuthors)
    if (outcome === 'stored') this.#known.set(event.pubkey, lists)
    return outcome
  }

  get(author: Pubkey, kinds: readonly number[]): readonly SignedEvent[] {
    return relayListsIn(this.#known.get(author), kinds)
  }

  drop(author: Pubkey, kinds: readonly number[], createdUntil: number): void {
    this.#known.set(author, deleteRelayLists(this.#known.get(author) ?? {}, kinds, createdUntil))
  }

  authors(): Iterable<Pubkey> {
    return this.#known.keys()
  }

  sweep(author: Pubkey, packages: number, now: number): void {
    const { lists } = sweepRelayLists(this.#known.get(author) ?? {}, packages, now)
    if (lists === undefined) this.#known.delete(author)
    else this.#known.set(author, lists)
  }

  *all(): Generator<AuthorRelayList> {
    for (const [author, lists] of this.#known) {
      for (const known of everyKnownKind(lists)) yield { author, ...known }
    }
  }
}
