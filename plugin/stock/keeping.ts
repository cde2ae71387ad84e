/** What a store has to keep of a stock and until when, what it answers of it, and what it has to tell. Pure. */

import type { EventId, Pubkey } from '../nostr/messages.ts'
import type { ClaimOutcome, PutOutcome, Removal, StockedPackage } from '../store.ts'
import type { Choice } from './claim.ts'
import { retirements } from './exposure.ts'
import { isSlot } from './selection.ts'
import { expire, type Removed, type Stock } from './stock.ts'

/** When `settle` will next have something to do, in seconds since the epoch; undefined where it never will. */
export function dueAt(stock: Stock, retireAfterSeconds: number): number | undefined {
  const times = [
    ...stock.packages.map(({ expiresAt }) => expiresAt),
    ...stock.deliveries.map(({ keptUntil }) => keptUntil),
    ...retirements(stock.packages, retireAfterSeconds),
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}

/**
 * The stock; undefined once nothing is left in it, nor of it, and `names` event ids and KeyPackageRefs, which are none, are
 * remembered: then it is as if the store had never heard of the author. Asked after a sweep has forgotten what is over.
 */
export function heardOf<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  names: number,
): Stock<Package> | undefined {
  if (stock === undefined || names > 0) return stock
  return stock.packages.length === 0 && stock.deliveries.length === 0 ? undefined : stock
}

/** The packages that `after` no longer needs in any way: their events can go. */
export function forgotten(before: Stock, after: Stock): EventId[] {
  if (before === after) return []
  const remembered = rememberedIds(after)
  return [...rememberedIds(before)].filter((id) => !remembered.has(id))
}

/** The packages that can still be handed out: those in the stock, and those that a release would bring back. */
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

/** `KeyPackageStore.count` of one author. */
export function counted(stock: Stock | undefined, now: number): number | undefined {
  return stock === undefined ? undefined : listed(stock, now).length
}

/** Whether a package is in the stock now: `onPublished` listeners hear of it. */
export function isTakenIn(outcome: PutOutcome): boolean {
  return outcome === 'stored' || outcome === 'replaced'
}

/** Whether a claim took from the stock and left fewer than `low`: `onLowStock` listeners hear of it. */
export function isLow<Outcome extends Choice | ClaimOutcome>(
  claimed: Outcome,
  low: number,
): claimed is Extract<Outcome, { outcome: 'delivered' }> {
  if (claimed.outcome !== 'delivered' || claimed.remaining >= low) return false
  return claimed.packages.some((pkg) => !isSlot(pkg))
}

/** What `onRemoved` listeners hear of, where there is any. */
export function removalsOf(author: Pubkey, removed: readonly Removed[]): Removal[] {
  return removed.map((each) => ({ author, ...each }))
}
