/** Learns whom authors follow, from the follow lists that clients publish: not before the relay has accepted them. */

import type { Logger } from '../context.ts'
import type { EventId, SignedEvent } from '../nostr/messages.ts'
import type { KeyPackageStore } from '../store.ts'
import { type FollowList, type FollowListLearner, followListOf } from './follow-list.ts'

/** Lists that the relay has not answered yet, of all connections; about 10 MB if all have the greatest length (I9). */
const MAX_EXPECTED = 64

export class LearnedFollowLists implements FollowListLearner {
  readonly #store: Pick<KeyPackageStore, 'putFollowList'>
  readonly #log: Logger
  /** By event id, oldest first. */
  readonly #expected = new Map<EventId, FollowList>()

  constructor({
    store,
    log,
  }: {
    readonly store: Pick<KeyPackageStore, 'putFollowList'>
    readonly log: Logger
  }) {
    this.#store = store
    this.#log = log
  }

  expect(event: SignedEvent): void {
    const list = followListOf(event)
    if (list === undefined) return
    this.#expected.set(list.id, list)
    const [oldest] = this.#expected.size > MAX_EXPECTED ? this.#expected.keys() : []
    if (oldest !== undefined) this.#expected.delete(oldest)
  }

  confirm(id: unknown, accepted: unknown): void {
    const list = this.#expected.get(id as EventId)
    if (list === undefined) return
    this.#expected.delete(list.id)
    if (accepted === true) void this.#put(list)
  }

  async learn(event: SignedEvent): Promise<void> {
    const list = followListOf(event)
    if (list !== undefined) await this.#put(list)
  }

  /** The relay keeps the list whether the store does or not, and it can be asked for later. */
  async #put(list: FollowList): Promise<void> {
    try {
      await this.#store.putFollowList(list)
    } catch (error) {
      this.#log.error({ err: error, event: list.id }, 'the store failed to keep whom an author follows')
    }
  }
}
