/** One author's data in a memory store, changed by the rules of `plugin/stock/`. */

import type {
  FollowList,
  FollowListDeletion,
  FollowListOutcome,
} from '../../../plugin/lifecycle/follow-list.ts'
import {
  deleteFollowLists,
  type KnownFollowLists,
  offerFollowList,
} from '../../../plugin/lifecycle/known-follow-lists.ts'
import type { EventId } from '../../../plugin/nostr/messages.ts'
import { heardOf, rememberedDeletions } from '../../../plugin/stock/bookkeeping.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import { offer } from '../../../plugin/stock/offer.ts'
import {
  drop,
  type Removed,
  rank,
  release,
  remember,
  type Stock,
  sweep,
} from '../../../plugin/stock/stock.ts'
import {
  type ChangedWindows,
  isOver,
  type KeptWindow,
  uncountClaim,
  type WindowName,
  type WindowOf,
} from '../../../plugin/stock/windows.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  Deletion,
  DropOutcome,
  KnownName,
  PutOutcome,
  Remembered,
  StockLimits,
  StoredKeyPackage,
} from '../../../plugin/store.ts'

export class Author {
  /** Undefined if the author is unknown or forgotten; windows may still be open. */
  stock: Stock<StoredKeyPackage> | undefined
  followLists: KnownFollowLists | undefined
  readonly #known = new Map<KnownName['name'], number>()
  #published: KeptWindow | undefined
  /** Created on the first claim, because most authors are never claimed from. */
  #windows: Map<WindowName, KeptWindow> | undefined

  /** Whether there is nothing to keep. */
  get isEmpty(): boolean {
    const windows = this.#windows?.size ?? 0
    return this.stock === undefined && this.#published === undefined && windows === 0
  }

  put(
    pkg: StoredKeyPackage,
    limits: StockLimits,
    now: number,
  ): { outcome: PutOutcome; removed: readonly Removed[] } {
    const offered = offer(this.stock, this.#published, pkg, (name) => this.#known.get(name), limits, now)
    this.stock = offered.stock
    this.#published = offered.published ?? this.#published
    this.#remember(offered.names)
    for (const name of offered.forgotten) this.#known.delete(name)
    return offered
  }

  claim(
    request: Claim,
    policy: ClaimPolicy,
    now: number,
  ): { choice: ClaimOutcome<StoredKeyPackage>; removed: readonly Removed[] } {
    const windowOf: WindowOf = (name) => this.#windows?.get(name)
    const { stock, windows, choice, removed } = claim(this.stock, windowOf, request, policy, now)
    this.stock = stock
    if (windows !== undefined) this.#keep(windows)
    return { choice, removed }
  }

  drop(deletion: Deletion, now: number): { outcome: DropOutcome; removed: readonly Removed[] } {
    const { stock, outcome, removed } = drop(this.stock, deletion, (name) => this.#known.get(name), now)
    this.stock = stock
    return { outcome, removed }
  }

  release(ids: readonly string[], now: number, counted: CountedClaim | undefined): readonly Removed[] {
    if (counted !== undefined) this.#keep(uncountClaim((name) => this.#windows?.get(name), counted))
    if (this.stock === undefined) return []
    const { stock, removed } = release(this.stock, ids, now, counted)
    this.stock = stock
    return removed
  }

  remember(remembered: Remembered, now: number): readonly Removed[] {
    const { stock, names, removed } = remember(this.stock, remembered, (name) => this.#known.get(name), now)
    this.stock = stock
    this.#remember(names)
    return removed
  }

  putFollowList(list: FollowList): FollowListOutcome {
    const { known, outcome } = offerFollowList(this.followLists, list, this.stock)
    this.followLists = known
    return outcome
  }

  dropFollowLists(deletion: FollowListDeletion): void {
    this.followLists = deleteFollowLists(this.followLists, deletion, this.stock)
  }

  rank(ranks: ReadonlyMap<EventId, string>): void {
    if (this.stock !== undefined) this.stock = rank(this.stock, ranks)
  }

  /** Removes expired data, and forgets the author once nothing is left. */
  sweep(retireAfterSeconds: number, now: number): readonly Removed[] {
    const removed = this.#settle(retireAfterSeconds, now)
    if (this.stock === undefined || this.stock.packages.length === 0) this.followLists = undefined
    for (const [name, until] of this.#known) if (isOver(until, now)) this.#known.delete(name)
    this.stock = heardOf(this.stock, this.#known.size)
    for (const [name, { keptUntil }] of this.#windows ?? [])
      if (isOver(keptUntil, now)) this.#windows?.delete(name)
    if (isOver(this.#published?.keptUntil ?? now, now)) this.#published = undefined
    return removed
  }

  /** Names of packages in stock or spent, not yet expired, and the deletions that still matter. */
  remembered(now: number): Remembered {
    const names = [...this.#known].map(([name, expiresAt]) => ({ name, expiresAt }))
    return {
      names: names.filter(({ expiresAt }) => !isOver(expiresAt, now)),
      deletions: rememberedDeletions(this.stock, now),
    }
  }

  #keep(changed: ChangedWindows): void {
    this.#windows ??= new Map()
    for (const [name, window] of changed) {
      if (window === undefined) this.#windows.delete(name)
      else this.#windows.set(name, window)
    }
  }

  #settle(retireAfterSeconds: number, now: number): readonly Removed[] {
    if (this.stock === undefined) return []
    const { stock, removed } = sweep(this.stock, retireAfterSeconds, now)
    this.stock = stock
    return removed
  }

  #remember(names: readonly KnownName[]): void {
    for (const { name, expiresAt } of names) this.#known.set(name, expiresAt)
  }
}
