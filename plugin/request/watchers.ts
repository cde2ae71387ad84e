/**
 * Who hears of a package that was just stored, also by another process: its owners, and those who have claimed packages of its
 * author.
 */

import type { Access } from '../access/access.ts'
import { type DeliveryEncoding, deliveredEvent } from '../key-package/encoding.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
import type { KeyPackageStore, StockedPackage } from '../store.ts'

/** A package that was just stored. */
export interface PublishedPackage extends StockedPackage {
  readonly author: Pubkey
  /** Its event. All watchers that want the same encoding share one object, which bounds memory (I9). */
  readonly as: (encoding: DeliveryEncoding) => SignedEvent
}

export type Watcher = (pkg: PublishedPackage) => void

/** Authors watched for all clients of one address, and for all clients together: each costs memory (I9). */
const MAX_WATCHED_BY_ADDRESS = 20_000
const MAX_WATCHED = 500_000
/** However many are watched for others, an address has room for these: what one of its clients asks for at once. */
const ALWAYS_WATCHED = 500
/** How many watchers are told in one turn of the event loop: an author may have thousands (I9). */
const TOLD_A_TURN = 50

export class Watchers {
  /** Most authors have one watcher. */
  readonly #byAuthor = new Map<Pubkey, Watcher | Set<Watcher>>()
  readonly #watchedByAddress = new Map<string, number>()
  #watched = 0

  /** Calls `watcher` for each package the author publishes, until it is removed. */
  add(author: Pubkey, watcher: Watcher): void {
    const watching = this.#byAuthor.get(author)
    if (watching === undefined || watching === watcher) this.#byAuthor.set(author, watcher)
    else if (watching instanceof Set) watching.add(watcher)
    else this.#byAuthor.set(author, new Set([watching, watcher]))
  }

  remove(author: Pubkey, watcher: Watcher): void {
    const watching = this.#byAuthor.get(author)
    if (watching instanceof Set) watching.delete(watcher)
    if (watching === watcher || (watching instanceof Set && watching.size === 0))
      this.#byAuthor.delete(author)
  }

  /** Whether there is room to watch one more author who is not the client, at this address (`addressKey`). */
  enter(address: string): boolean {
    const ofAddress = this.#watchedByAddress.get(address) ?? 0
    const isFull = ofAddress >= MAX_WATCHED_BY_ADDRESS || this.#watched >= MAX_WATCHED
    if (isFull && ofAddress >= ALWAYS_WATCHED) return false
    this.#watchedByAddress.set(address, ofAddress + 1)
    this.#watched += 1
    return true
  }

  leave(address: string): void {
    const remaining = (this.#watchedByAddress.get(address) ?? 1) - 1
    if (remaining === 0) this.#watchedByAddress.delete(address)
    else this.#watchedByAddress.set(address, remaining)
    this.#watched -= 1
  }

  /**
   * Shows a new package to the watchers of its author, unless it has left the stock already, or its author is banned. Rejects
   * when the store does.
   */
  async tell(
    {
      store,
      access,
    }: { readonly store: Pick<KeyPackageStore, 'list'>; readonly access: Pick<Access, 'pushes'> },
    author: Pubkey,
    id: EventId,
    now: number,
  ): Promise<void> {
    if (!this.#byAuthor.has(author) || !(await access.pushes(author))) return
    const pkg = (await store.list(author, now)).find((listed) => listed.id === id)
    const stored = await pkg?.read()
    if (pkg === undefined || stored === undefined) return
    const events = new Map<DeliveryEncoding, SignedEvent>()
    const as = (encoding: DeliveryEncoding) => {
      const event = events.get(encoding) ?? deliveredEvent(stored, encoding)
      events.set(encoding, event)
      return event
    }
    for (const [index, watcher] of this.#watching(author).entries()) {
      if (index > 0 && index % TOLD_A_TURN === 0) await nextTurn()
      if (this.#isWatching(author, watcher)) watcher({ ...pkg, as })
    }
  }

  #watching(author: Pubkey): Watcher[] {
    const watching = this.#byAuthor.get(author)
    if (watching === undefined) return []
    return watching instanceof Set ? [...watching] : [watching]
  }

  #isWatching(author: Pubkey, watcher: Watcher): boolean {
    const watching = this.#byAuthor.get(author)
    return watching instanceof Set ? watching.has(watcher) : watching === watcher
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
