/** The relay lists of a memory store. */

import {
  deleteRelayLists,
  everyKnownKind,
  type KnownRelayLists,
  offerRelayList,
  type RelayListOutcome,
  relayListsIn,
} from '../../../plugin/lifecycle/known-relay-lists.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { AuthorRelayList } from '../../../plugin/store.ts'

export class RelayLists {
  readonly #known = new Map<Pubkey, KnownRelayLists>()

  put(event: SignedEvent): RelayListOutcome {
    const { lists, outcome } = offerRelayList(this.#known.get(event.pubkey) ?? {}, event)
    if (outcome === 'stored') this.#known.set(event.pubkey, lists)
    return outcome
  }

  get(author: Pubkey, kinds: readonly number[]): readonly SignedEvent[] {
    return relayListsIn(this.#known.get(author), kinds)
  }

  drop(author: Pubkey, kinds: readonly number[], createdUntil: number): void {
    this.#known.set(author, deleteRelayLists(this.#known.get(author) ?? {}, kinds, createdUntil))
  }

  *all(): Generator<AuthorRelayList> {
    for (const [author, lists] of this.#known) {
      for (const known of everyKnownKind(lists)) yield { author, ...known }
    }
  }
}
