/** The relay lists (kind 10051) of a memory store. */

import { deleteRelayList, type KnownRelayList, offerRelayList } from '../../../plugin/lifecycle/relay-list.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { AuthorRelayList } from '../../../plugin/store.ts'

export class RelayLists {
  readonly #known = new Map<Pubkey, KnownRelayList>()

  put(event: SignedEvent): 'stored' | 'duplicate' | 'stale' {
    const { known, outcome } = offerRelayList(this.#known.get(event.pubkey) ?? {}, event)
    this.#known.set(event.pubkey, known)
    return outcome
  }

  get(author: Pubkey): SignedEvent | undefined {
    return this.#known.get(author)?.event
  }

  drop(author: Pubkey, createdUntil: number): void {
    this.#known.set(author, deleteRelayList(this.#known.get(author) ?? {}, createdUntil))
  }

  *all(): Generator<AuthorRelayList> {
    for (const [author, known] of this.#known) yield { author, ...known }
  }
}
