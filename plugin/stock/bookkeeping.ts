/** What a store must keep of a stock and for how long, what it returns, and what it tells its listeners. Pure. */

import type { EventId, Pubkey } from '../nostr/messages.ts'
import type { ClaimOutcome, PutOutcome, Removal, StockedPackage } from '../store.ts'
import { retirements } from './exposure.ts'
import { isSlot } from './selection.ts'
import { expire, type Removed, type Stock } from './stock.ts'

/** When `settle` next has something to do, in seconds since the epoch; undefined if never. */
export function dueAt(stock: Stock, retireAfterSeconds: number): number | undefined {
  const times = [
    ...stock.packages.map(({ expiresAt }) => expiresAt),
    ...stock.deliveries.map(({ keptUntil }) => keptUntil),
    ...retirements(stock.packages, retireAfterSeconds),
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}

/**
 * The stock; undefined if it has no packages and no deliveries, and no event ids or KeyPackageRefs are remembered (`names` is
 * their number). Then the author is unknown to the store again. Call it after a sweep has removed expired data.
 */
export function heardOf<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  names: number,
): Stock<Package> | undefined {
  if (stock === undefined || names > 0) return stock
  return stock.packages.length === 0 && stock.deliveries.length === 0 ? undefined : stock
}

/** The packages that `after` no longer needs: their events can be deleted. */
export function forgotten(before: Stock, after: Stock): EventId[] {
  if (before === after) return []
  const remembered = rememberedIds(after)
  return [...rememberedIds(before)].filter((id) => !remembered.has(id))
}

/** The packages that can still be delivered: those in the stock, and those that a release would restore. */
export function rememberedIds({ packages, deliveries }: Stock): Set<EventId> {
  return new Set([...packages, ...deliveries.flatMap(({ spent }) => spent)].map(({ id }) => id))
}

/** `KeyPackageStore.list`: the packages an author has. */
export function listed<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  now: number,
): readonly Package[] {
  return stock === undefined ? [] : expire(stock, now).packages
}

/** `KeyPackageStore.count`, for one author. */
export function counted(stock: Stock | undefined, now: number): number | undefined {
  return stock === undefined ? undefined : listed(stock, now).length
}

/** Whether `put` added a package, so that `onPublished` listeners are called. */
export function isTakenIn(outcome: PutOutcome): boolean {
  return outcome === 'stored' || outcome === 'replaced'
}

/** Whether a claim took from the stock and left fewer than `low`, so that `onLowStock` listeners are called. */
export function isLow<Outcome extends ClaimOutcome<StockedPackage>>(
  claimed: Outcome,
  low: number,
): claimed is Extract<Outcome, { outcome: 'delivered' }> {
  if (claimed.outcome !== 'delivered' || claimed.remaining >= low) return false
  return claimed.packages.some((pkg) => !isSlot(pkg))
}

/** What `onRemoved` listeners are called with, unless it is empty. */
export function removalsOf(author: Pubkey, removed: readonly Removed[]): Removal[] {
  return removed.map((each) => ({ author, ...each }))
}
