/**
 * What an author's stock is, and how packages leave it other than by a claim. All rules are pure: they take the state, and
 * return the new state and an outcome. The store looks up what else they need (windows, remembered names) and writes what
 * they return.
 */

import type { KnownName, Removal, Selector, StockedPackage } from '../store.ts'
import { type Delivery, forget, undo } from './deliveries.ts'
import { lessExposed, retire } from './exposure.ts'
import { isSelected } from './selection.ts'

/** One author's packages, and the recent claims that can be repeated or undone. */
export interface Stock<Package extends StockedPackage = StockedPackage> {
  readonly packages: readonly Package[]
  readonly deliveries: readonly Delivery<Package>[]
}

/** A `Removal`, without the author whose stock it is. */
export type Removed = Omit<Removal, 'author'>

/** The stock after a change (the same object if nothing changed), and what left it other than by a claim. */
export interface StockChange<Package extends StockedPackage, After = Stock<Package>> {
  readonly stock: After
  readonly removed: readonly Removed[]
}

/** Until when the store remembers an event id or KeyPackageRef, in seconds since the epoch; undefined if it does not (I3). */
export type KnownUntil = (name: KnownName['name']) => number | undefined

/** A stock without packages and deliveries. */
export const EMPTY_STOCK: Stock<never> = { packages: [], deliveries: [] }

/** Deletes the selected packages. They are spent, and their claims can no longer be repeated or undone. */
export function drop<Package extends StockedPackage>(
  stock: Stock<Package>,
  which: Selector,
  now: number,
): StockChange<Package> & { dropped: number } {
  const current = expire(stock, now)
  const after = withoutAny(current, (pkg) => isSelected(pkg, which))
  const dropped = current.packages.length - after.packages.length
  return { ...changed(stock, after, 'deleted', now), dropped }
}

/** Removes packages spent in another store, by event id or KeyPackageRef, as `drop` does. The store must remember `names`. */
export function spend<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  spent: readonly KnownName[],
  knownUntil: KnownUntil,
  now: number,
): StockChange<Package, Stock<Package> | undefined> & { names: readonly KnownName[] } {
  const before = stock ?? EMPTY_STOCK
  const isSpent = new Set(spent.map(({ name }) => name))
  const after = withoutAny<Package>(expire(before, now), ({ id, ref }) => isSpent.has(id) || isSpent.has(ref))
  const names = spent.filter(({ name, expiresAt }) => expiresAt > (knownUntil(name) ?? 0))
  if (stock === undefined && spent.length === 0) return { stock, names, removed: [] }
  return { ...changed<Package>(before, after, 'deleted', now), names }
}

/** Undoes the newest claim of each package. A spent package returns to the stock in its earlier state. */
export function release<Package extends StockedPackage>(
  stock: Stock<Package>,
  ids: readonly string[],
  now: number,
): StockChange<Package> {
  const { packages, deliveries } = expire(stock, now)
  const undone = undo(deliveries, ids)
  const restored = undone.restored.filter(({ expiresAt }) => expiresAt > now)
  const after = {
    packages: [...packages.map((pkg) => (ids.includes(pkg.id) ? lessExposed(pkg) : pkg)), ...restored],
    deliveries: undone.deliveries,
  }
  return { stock: after, removed: removedBetween(stock.packages, packages, 'expired', now) }
}

/** Spends expired packages and those due to retire. */
export function sweep<Package extends StockedPackage>(
  stock: Stock<Package>,
  retireAfterSeconds: number,
  now: number,
): StockChange<Package> {
  return changed(stock, settle(stock, retireAfterSeconds, now), 'retired', now)
}

/** Spends expired packages, and forgets claims too old to be repeated or undone. */
export function expire<Package extends StockedPackage>(stock: Stock<Package>, now: number): Stock<Package> {
  const packages = kept(stock.packages, ({ expiresAt }) => expiresAt > now)
  const deliveries = kept(stock.deliveries, ({ keptUntil }) => keptUntil > now)
  if (packages === stock.packages && deliveries === stock.deliveries) return stock
  return { packages, deliveries }
}

/** Expires, then retires packages. */
export function settle<Package extends StockedPackage>(
  stock: Stock<Package>,
  retireAfterSeconds: number,
  now: number,
): Stock<Package> {
  const current = expire(stock, now)
  const packages = retire(current.packages, retireAfterSeconds, now)
  return packages === current.packages ? current : { ...current, packages }
}

/** The packages in `before` that are not in `after`: they expired, or were removed for the reason `why`. */
export function removedBetween(
  before: readonly StockedPackage[],
  after: readonly StockedPackage[],
  why: Removal['why'],
  now: number,
): readonly Removed[] {
  if (before === after) return []
  const left = new Set(after.map(({ id }) => id))
  return before
    .filter(({ id }) => !left.has(id))
    .map(({ id, ref, kind, expiresAt }) => ({ id, ref, kind, why: expiresAt <= now ? 'expired' : why }))
}

function changed<Package extends StockedPackage>(
  before: Stock<Package>,
  after: Stock<Package>,
  why: Removal['why'],
  now: number,
): StockChange<Package> {
  return { stock: after, removed: removedBetween(before.packages, after.packages, why, now) }
}

function withoutAny<Package extends StockedPackage>(
  stock: Stock<Package>,
  isGone: (pkg: StockedPackage) => boolean,
): Stock<Package> {
  return {
    packages: kept(stock.packages, (pkg) => !isGone(pkg)),
    deliveries: forget(stock.deliveries, isGone),
  }
}

/** Like `filter`, but returns the same array if nothing is removed, so that an unchanged stock stays the same object. */
function kept<T>(items: readonly T[], predicate: (item: T) => boolean): readonly T[] {
  return items.every(predicate) ? items : items.filter(predicate)
}
