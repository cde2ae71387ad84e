/**
 * What an author's stock is, and how packages leave it other than by a claim. All rules are pure: they take the state, and
 * return the new state and an outcome. The store looks up what else they need (windows, remembered names) and writes what
 * they return.
 */

import type { EventId } from '../nostr/messages.ts'
import type {
  CountedClaim,
  Deletion,
  Deletions,
  DropOutcome,
  KnownName,
  Remembered,
  Removal,
  StockedPackage,
} from '../store.ts'
import { areTooMany, currentDeletions, deletionsIn, isDeleted, merged } from './deletions.ts'
import { type Delivery, forget, undo } from './deliveries.ts'
import { lessExposed, retire } from './exposure.ts'
import { currentTakes, type Take, withoutTake } from './strangers.ts'
import { refNameOf, withoutOrphans } from './twins.ts'
import { isOver } from './windows.ts'

/**
 * One author's packages, the recent claims that can be repeated or undone, the deletions that are remembered, and who has taken
 * fresh packages.
 */
export interface Stock<Package extends StockedPackage = StockedPackage> {
  readonly packages: readonly Package[]
  readonly deliveries: readonly Delivery<Package>[]
  readonly deletions?: Deletions
  readonly takes?: readonly Take[]
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

/**
 * Deletes packages, and remembers the deletion. The packages are spent, and their claims can no longer be repeated or undone.
 */
export function drop<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  deletion: Deletion,
  knownUntil: KnownUntil,
  now: number,
): StockChange<Package, Stock<Package> | undefined> & { outcome: DropOutcome } {
  const before = stock ?? EMPTY_STOCK
  const current = expire<Package>(before, now)
  const isKnown = (name: KnownName['name']) => !isOver(knownUntil(name) ?? now, now)
  const deletions = merged(current.deletions, deletionsIn(deletion, isKnown, now))
  if (areTooMany(deletions, current.deletions)) return { stock, removed: [], outcome: { outcome: 'full' } }
  // It covers what is in the stock whether or not it is remembered.
  const covered = deletionsIn({ ...deletion, keptUntil: Number.POSITIVE_INFINITY }, () => false, now)
  const left = withoutAny(current, (pkg) => isDeleted(covered, pkg, now))
  const count = current.packages.length - left.packages.length
  const outcome = { outcome: 'deleted', count } as const
  if (stock === undefined && deletions === undefined) return { stock, removed: [], outcome }
  return { ...changed<Package>(before, withDeletions(left, deletions), 'deleted', now), outcome }
}

/**
 * Takes over what another store remembers: removes packages spent or deleted there, as `drop` does, and remembers its deletions.
 * The store must remember `names`.
 */
export function remember<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  { names: spent, deletions }: Remembered,
  knownUntil: KnownUntil,
  now: number,
): StockChange<Package, Stock<Package> | undefined> & { names: readonly KnownName[] } {
  const before = stock ?? EMPTY_STOCK
  const current = expire<Package>(before, now)
  const isSpent = new Set(spent.map(({ name }) => name))
  const left = withoutAny(
    current,
    (pkg) =>
      isDeleted(deletions, pkg, now) || [pkg.id, refNameOf(pkg), pkg.ref].some((name) => isSpent.has(name)),
  )
  const all = currentDeletions(merged(current.deletions, deletions), now)
  const names = spent.filter(({ name, expiresAt }) => expiresAt > (knownUntil(name) ?? 0))
  if (stock === undefined && spent.length === 0 && all === undefined) return { stock, names, removed: [] }
  return { ...changed<Package>(before, withDeletions(left, all), 'deleted', now), names }
}

/**
 * Undoes the newest claim of each package. A spent package returns to the stock in its earlier state. The claim still counts,
 * unless `counted` says what to give back.
 */
export function release<Package extends StockedPackage>(
  stock: Stock<Package>,
  ids: readonly string[],
  now: number,
  counted?: CountedClaim,
): StockChange<Package> {
  const current = expire(stock, now)
  const { packages } = current
  const undone = undo(current.deliveries, ids)
  const restored = undone.restored.filter(({ expiresAt }) => expiresAt > now)
  const after = {
    ...current,
    packages: [...packages.map((pkg) => (ids.includes(pkg.id) ? lessExposed(pkg) : pkg)), ...restored],
    deliveries: undone.deliveries,
  }
  const takes = counted === undefined ? after.takes : withoutTake(after.takes, counted)
  return { stock: withTakes(after, takes), removed: removedBetween(stock.packages, packages, 'expired', now) }
}

/** Gives packages another place in the order of delivery, also those that a release would bring back. */
export function rank<Package extends StockedPackage>(
  stock: Stock<Package>,
  ranks: ReadonlyMap<EventId, string>,
): Stock<Package> {
  const spent = stock.deliveries.flatMap((delivery) => delivery.spent)
  const isSame = (pkg: Package) => (ranks.get(pkg.id) ?? pkg.rank) === pkg.rank
  if ([...stock.packages, ...spent].every(isSame)) return stock
  const ranked = (pkg: Package) => (isSame(pkg) ? pkg : { ...pkg, rank: ranks.get(pkg.id) })
  return {
    ...stock,
    packages: stock.packages.map(ranked),
    deliveries: stock.deliveries.map((each) => ({ ...each, spent: each.spent.map(ranked) })),
  }
}

/** Spends expired packages and those due to retire. */
export function sweep<Package extends StockedPackage>(
  stock: Stock<Package>,
  retireAfterSeconds: number,
  now: number,
): StockChange<Package> {
  return changed(stock, settle(stock, retireAfterSeconds, now), 'retired', now)
}

/** Spends expired packages, and forgets claims too old to be repeated or undone, and deletions too old to matter. */
export function expire<Package extends StockedPackage>(stock: Stock<Package>, now: number): Stock<Package> {
  const packages = withoutOrphans(kept(stock.packages, ({ expiresAt }) => expiresAt > now))
  const deliveries = kept(stock.deliveries, ({ keptUntil }) => keptUntil > now)
  const deletions = currentDeletions(stock.deletions, now)
  const takes = currentTakes(stock.takes, now)
  const isSame = packages === stock.packages && deliveries === stock.deliveries
  if (isSame && deletions === stock.deletions && takes === stock.takes) return stock
  return withTakes(withDeletions({ packages, deliveries }, deletions), takes)
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
    .map((pkg) => ({ id: pkg.id, ref: pkg.ref, kind: pkg.kind, why: reasonOf(pkg, why, now) }))
}

/** An alias never retires: it goes with a slot that has expired. */
function reasonOf({ expiresAt, alias }: StockedPackage, why: Removal['why'], now: number): Removal['why'] {
  return expiresAt <= now || (alias && why === 'retired') ? 'expired' : why
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
    ...stock,
    packages: withoutOrphans(kept(stock.packages, (pkg) => !isGone(pkg))),
    deliveries: forget(stock.deliveries, isGone),
  }
}

function withDeletions<Package extends StockedPackage>(
  { deletions: _, ...rest }: Stock<Package>,
  deletions: Deletions | undefined,
): Stock<Package> {
  return deletions === undefined ? rest : { ...rest, deletions }
}

/** The stock with these takes; undefined: none. */
export function withTakes<Package extends StockedPackage>(
  { takes: _, ...rest }: Stock<Package>,
  takes: readonly Take[] | undefined,
): Stock<Package> {
  return takes === undefined ? rest : { ...rest, takes }
}

/** Like `filter`, but returns the same array if nothing is removed, so that an unchanged stock stays the same object. */
function kept<T>(items: readonly T[], predicate: (item: T) => boolean): readonly T[] {
  return items.every(predicate) ? items : items.filter(predicate)
}
