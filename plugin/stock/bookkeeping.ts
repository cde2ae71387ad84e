/** What a store must keep of a stock and for how long, what it returns, and what it tells its listeners. Pure. */

import type { EventId, Pubkey } from '../nostr/messages.ts'
import type { ClaimOutcome, Deletions, PutOutcome, Removal, StockedPackage } from '../store.ts'
import { currentDeletions, NO_DELETIONS, timesOf } from './deletions.ts'
import { retirements } from './exposure.ts'
import { isOneTime, sizeOf } from './selection.ts'
import { expire, type Removed, type Stock } from './stock.ts'

/** When `settle` next has something to do, in seconds since the epoch; undefined if never. */
export function dueAt(stock: Stock, retireAfterSeconds: number): number | undefined {
  const times = [
    ...stock.packages.map(({ expiresAt }) => expiresAt),
    ...stock.deliveries.map(({ keptUntil }) => keptUntil),
    ...retirements(stock.packages, retireAfterSeconds),
    ...(stock.deletions === undefined ? [] : timesOf(stock.deletions)),
    ...(stock.takes ?? []).map(({ keptUntil }) => keptUntil),
  ]
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b))
}

/**
 * The stock; undefined if it has no packages, deliveries and deletions, and no names are remembered (`names` is their number).
 * Then the author is unknown to the store again. Call it after a sweep has removed expired data.
 */
export function heardOf<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  names: number,
): Stock<Package> | undefined {
  if (stock === undefined || names > 0) return stock
  const { packages, deliveries, deletions } = stock
  return packages.length === 0 && deliveries.length === 0 && deletions === undefined ? undefined : stock
}

/** The packages of which `after` no longer needs the events: these can be deleted. */
export function unneededEvents(before: Stock, after: Stock): EventId[] {
  if (before === after) return []
  const needed = neededEvents(after)
  return [...neededEvents(before)].filter((id) => !needed.has(id))
}

/** The packages that can still be delivered: those in the stock, and those that a release would restore. */
export function neededEvents({ packages, deliveries }: Stock): Set<EventId> {
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
  return stock === undefined ? undefined : sizeOf(listed(stock, now))
}

/** The deletions that `MovableStore.remembered` returns. */
export function rememberedDeletions(stock: Stock | undefined, now: number): Deletions {
  return currentDeletions(stock?.deletions, now) ?? NO_DELETIONS
}

/** Whether `put` added a package, so that `onPublished` listeners are called. */
export function isTakenIn(outcome: PutOutcome): boolean {
  return outcome === 'stored' || outcome === 'replaced'
}

/** Whether a claim took from the stock and left fewer than `low` fresh packages, so that `onLowStock` listeners are called. */
export function isLow<Outcome extends ClaimOutcome<StockedPackage>>(
  claimed: Outcome,
  low: number,
): claimed is Extract<Outcome, { outcome: 'delivered' }> {
  if (claimed.outcome !== 'delivered' || claimed.remaining >= low) return false
  return claimed.packages.some(isOneTime)
}

/** What `onRemoved` listeners are called with, unless it is empty. */
export function removalsOf(author: Pubkey, removed: readonly Removed[]): Removal[] {
  return removed.map((each) => ({ author, ...each }))
}
