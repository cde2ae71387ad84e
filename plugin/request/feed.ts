/**
 * The live part of one subscription: owners see what they publish, also from another device or through another process, and
 * others see the slots that authors of whom they have claimed packages rotate.
 */

import { apart } from '../apart.ts'
import type { DeliveryEncoding } from '../key-package/encoding.ts'
import { SLOT_KIND } from '../key-package/kinds.ts'
import type { KeyPackageFilter } from '../nostr/filters.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
import { isSlot, meets } from '../stock/selection.ts'
import type { Narrowing } from '../store.ts'
import type { Query } from './plan.ts'
import type { PushLimits } from './push-limits.ts'
import type { PublishedPackage, Watchers } from './watchers.ts'

/** What the feeds of one connection share. */
export interface FeedSettings {
  readonly watchers: Watchers
  readonly pushLimits: PushLimits
  /** Whether access rules let the client hear of key packages now: it may have been banned since it asked. */
  readonly isAdmitted: () => boolean
}

/** What the subscription asks for of one author. */
interface Asked {
  readonly narrowings: readonly Narrowing[]
  readonly encoding: DeliveryEncoding
}

/** Begins at once, but holds packages back until the stored ones are sent (`flow`), and does not repeat those. */
export class Feed {
  readonly #settings: FeedSettings
  readonly #send: (event: SignedEvent) => void
  readonly #own = new Map<Pubkey, Asked>()
  readonly #others = new Map<Pubkey, Asked>()
  /** Those of the others whose slots are pushed. */
  readonly #claimed = new Set<Pubkey>()
  readonly #shown = new Set<EventId>()
  #held: PublishedPackage[] | undefined = []

  constructor(settings: FeedSettings, query: Query, send: (event: SignedEvent) => void) {
    this.#settings = settings
    this.#send = send
    const askedBy = sharing(readAsked)
    for (const [author, filters] of query.own) this.#watchOwn(author, askedBy(filters))
    const claimed = new Set(query.claims.map(({ author }) => author))
    for (const [author, filters] of query.others) {
      const isPushed = claimed.has(author) && filters.some(mayFindSlots)
      if ((!isPushed && query.authenticated.size > 0) || !settings.pushLimits.watch()) continue
      this.#others.set(author, askedBy(filters))
      if (isPushed) this.#watchClaimed(author)
    }
  }

  /** Only these claims were answered: nothing of the other authors is pushed. */
  keepAnswered(answered: ReadonlySet<Pubkey>): void {
    for (const author of this.#claimed) if (!answered.has(author)) this.#leave(author)
  }

  /** The client turned out to be the author: from now on it sees what an owner sees (I10). */
  becomeOwn(author: Pubkey): void {
    const asked = this.#others.get(author)
    if (asked === undefined) return
    this.#leave(author)
    this.#forget(author)
    this.#watchOwn(author, asked)
  }

  /** Stops holding packages back. Returns the events of the held ones that were not shown yet. */
  flow(shown: Iterable<EventId>): SignedEvent[] {
    for (const id of shown) this.#shown.add(apart(id))
    const held = this.#held ?? []
    this.#held = undefined
    return held.flatMap((pkg) => this.#eventOf(pkg) ?? [])
  }

  /** Whether an event was among the stored ones. */
  hasShown(id: unknown): boolean {
    return this.#shown.has(id as EventId)
  }

  stop(): void {
    for (const author of this.#claimed) this.#leave(author)
    for (const author of this.#others.keys()) this.#forget(author)
    for (const author of this.#own.keys()) this.#settings.watchers.remove(author, this.#hear)
    this.#own.clear()
    this.#held = undefined
  }

  readonly #hear = (pkg: PublishedPackage): void => {
    if (this.#held !== undefined) {
      this.#held.push(pkg)
      return
    }
    const event = this.#eventOf(pkg)
    if (event !== undefined) this.#send(event)
  }

  #watchOwn(author: Pubkey, asked: Asked): void {
    this.#own.set(author, asked)
    this.#settings.watchers.add(author, this.#hear)
  }

  #watchClaimed(author: Pubkey): void {
    this.#claimed.add(author)
    this.#settings.watchers.add(author, this.#hear)
  }

  #leave(author: Pubkey): void {
    this.#claimed.delete(author)
    this.#settings.watchers.remove(author, this.#hear)
  }

  #forget(author: Pubkey): void {
    this.#others.delete(author)
    this.#settings.pushLimits.unwatch()
  }

  /** Undefined if it is not for this client. */
  #eventOf(pkg: PublishedPackage): SignedEvent | undefined {
    if (this.#shown.has(pkg.id) || !this.#settings.isAdmitted()) return undefined
    const own = this.#own.get(pkg.author)
    if (own !== undefined) return isAskedFor(pkg, own) ? pkg.as(own.encoding) : undefined
    // One-time packages and aliases are never pushed (I1, I4).
    const isPushed = isSlot(pkg) && this.#claimed.has(pkg.author)
    if (!isPushed || !isAskedFor(pkg, this.#others.get(pkg.author))) return undefined
    return this.#settings.pushLimits.take(pkg) ? pkg.as('as-published') : undefined
  }
}

/** Authors named by the same one filter share what is kept of it: there may be hundreds (I9). */
function sharing(read: typeof readAsked): typeof readAsked {
  const kept = new Map<KeyPackageFilter | undefined, Asked>()
  return (filters) => {
    const [filter, ...more] = filters
    const asked = more.length > 0 ? read(filters) : (kept.get(filter) ?? read(filters))
    if (more.length === 0) kept.set(filter, asked)
    return asked
  }
}

function readAsked(filters: readonly KeyPackageFilter[]): Asked {
  const hint = filters.find((filter) => filter.hint !== undefined)?.hint
  return { narrowings: filters.map(({ narrowing }) => narrowing), encoding: hint ?? 'as-published' }
}

function mayFindSlots({ narrowing }: KeyPackageFilter): boolean {
  return narrowing.kinds.includes(SLOT_KIND)
}

function isAskedFor(pkg: PublishedPackage, asked: Asked | undefined): boolean {
  return asked?.narrowings.some((narrowing) => meets(pkg, narrowing)) === true
}
