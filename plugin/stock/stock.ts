/**
 * The rules of one author's stock: what may come in, what is handed out, what is spent. Pure: state in, new
 * state and outcome out. Memory and LMDB call it inside their transaction; the Redis scripts mirror it.
 */

import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KnownName,
  PutOutcome,
  Quota,
  Removal,
  Selector,
  StockedPackage,
  StockLimits,
} from '../store.ts'
import { admit, type Removed, removedBetween } from './changes.ts'
import { type Delivery, deliveryOf, findRepeatable, forget, remember, repeat, undo } from './deliveries.ts'
import { expose, lessExposed, retire } from './exposure.ts'
import { choose, isAskedFor, isSelected, isSlot } from './selection.ts'
import { type ClaimWindows, countClaim, hit, type Limited, type Window } from './windows.ts'

/** One author's packages, and the recent claims that can be repeated or undone. */
export interface Stock {
  readonly packages: readonly StockedPackage[]
  readonly deliveries: readonly Delivery[]
}

/** What became of a stock, and what it lost otherwise than by a claim. */
interface Change {
  readonly stock: Stock
  readonly removed: readonly Removed[]
}

/** A `ClaimOutcome` before its events are fetched. */
export type Choice =
  | {
      readonly outcome: 'delivered'
      readonly packages: readonly StockedPackage[]
      readonly remaining: number
      readonly lastUsed: boolean
    }
  | { readonly outcome: 'none' }
  | Limited

/** The stock of an author who never published. */
export const EMPTY_STOCK: Stock = { packages: [], deliveries: [] }

/**
 * Takes a package in. `published` is the author's publish window, which counts what is `stored` or `replaced`. `isKnown` says whether the store remembers an event id
 * or KeyPackageRef, in the stock or spent; it remembers both for all that comes out `stored`, `replaced` or `stale`.
 */
export function offer(
  stock: Stock,
  published: Window,
  pkg: StockedPackage,
  isKnown: (name: KnownName['name']) => boolean,
  limits: StockLimits,
  now: number,
): { stock: Stock; published: Window; outcome: PutOutcome; removed: readonly Removed[] } {
  const current = settle(stock, limits.retireAfterSeconds, now)
  const unchanged = { stock, published, removed: [] }
  if (current.packages.some(({ id, ref }) => id === pkg.id || ref === pkg.ref)) {
    return { ...unchanged, outcome: 'duplicate' }
  }
  if (isKnown(pkg.id) || isKnown(pkg.ref)) return { ...unchanged, outcome: 'spent' }

  const { packages, outcome } = admit(current.packages, pkg, limits)
  // Anybody can send an author's events: what does not come in must not use the author's quota up.
  const comesIn = outcome === 'stored' || outcome === 'replaced'
  const counted = comesIn ? count(published, limits.publish, now) : published
  if (counted === undefined) return { ...unchanged, outcome: 'limited' }
  const gaveWay = outcome === 'replaced' ? 'replaced' : 'evicted'
  const removed = [
    ...removedBetween(stock.packages, current.packages, 'retired', now),
    ...removedBetween(current.packages, packages, gaveWay, now),
  ]
  const after = packages === current.packages ? current : { ...current, packages }
  return { stock: after, published: counted, outcome, removed }
}

/** The publish window with one more in it; undefined where there is no room. */
function count(published: Window, quota: Quota | undefined, now: number): Window | undefined {
  if (quota === undefined) return published
  const { window, outcome } = hit(published, 1, quota, now)
  return outcome.granted === 0 ? undefined : window
}

/** Hands out packages of a known author, all of them spent but a last one and slots (I1, I2), and counts the claim (I5). */
export function claim(
  stock: Stock,
  windows: ClaimWindows,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): { stock: Stock; windows: ClaimWindows; choice: Choice; removed: readonly Removed[] } {
  const current = settle(stock, policy.retireAfterSeconds, now)
  const counted = countClaim(windows, policy, now)
  if ('outcome' in counted) return { stock, windows, choice: counted, removed: [] }
  const answer = redeliver(current, request, policy, now) ?? take(current, request, policy, now)
  const removed = removedBetween(stock.packages, current.packages, 'retired', now)
  return { ...answer, windows: counted, removed }
}

/** Deletes what the selector names; it is spent, and a claim of it can no longer be repeated or undone. */
export function drop(stock: Stock, which: Selector, now: number): Change & { dropped: number } {
  const current = expire(stock, now)
  const after = withoutAny(current, (pkg) => isSelected(pkg, which))
  const dropped = current.packages.length - after.packages.length
  return { ...changed(stock, after, 'deleted', now), dropped }
}

/** Takes out what was spent in another store, by event id or KeyPackageRef, as `drop` does. */
export function spend(stock: Stock, names: readonly string[], now: number): Change {
  const after = withoutAny(expire(stock, now), ({ id, ref }) => names.includes(id) || names.includes(ref))
  return changed(stock, after, 'deleted', now)
}

/** Undoes the newest claim of each package: one that was spent is in the stock again as it was before. */
export function release(stock: Stock, ids: readonly string[], now: number): Change {
  const { packages, deliveries } = expire(stock, now)
  const undone = undo(deliveries, ids)
  const restored = undone.restored.filter(({ expiresAt }) => expiresAt > now)
  const after = {
    packages: [...packages.map((pkg) => (ids.includes(pkg.id) ? lessExposed(pkg) : pkg)), ...restored],
    deliveries: undone.deliveries,
  }
  return { stock: after, removed: removedBetween(stock.packages, packages, 'expired', now) }
}

/** What a sweep leaves: expired and retired packages are spent. */
export function sweep(stock: Stock, retireAfterSeconds: number, now: number): Change {
  return changed(stock, settle(stock, retireAfterSeconds, now), 'retired', now)
}

function changed(before: Stock, after: Stock, why: Removal['why'], now: number): Change {
  return { stock: after, removed: removedBetween(before.packages, after.packages, why, now) }
}

/** What is left once expired packages are spent, and claims too old to be repeated or undone are forgotten. */
export function expire(stock: Stock, now: number): Stock {
  const packages = kept(stock.packages, ({ expiresAt }) => expiresAt > now)
  const deliveries = kept(stock.deliveries, ({ keptUntil }) => keptUntil > now)
  if (packages === stock.packages && deliveries === stock.deliveries) return stock
  return { packages, deliveries }
}

/** Whether a claim took from the stock and left fewer than `low`: then the author should hear of it. */
export function isLow<Outcome extends Choice | ClaimOutcome>(
  claimed: Outcome,
  low: number,
): claimed is Extract<Outcome, { outcome: 'delivered' }> {
  if (claimed.outcome !== 'delivered' || claimed.remaining >= low) return false
  return claimed.packages.some((pkg) => !isSlot(pkg))
}

/** Expiring, then retiring. */
export function settle(stock: Stock, retireAfterSeconds: number, now: number): Stock {
  const current = expire(stock, now)
  const packages = retire(current.packages, retireAfterSeconds, now)
  return packages === current.packages ? current : { ...current, packages }
}

function redeliver(
  stock: Stock,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): { stock: Stock; choice: Choice } | undefined {
  const delivery = findRepeatable(stock.deliveries, request, policy, now)
  if (delivery === undefined) return undefined
  const isWanted = (pkg: StockedPackage) => pkg.expiresAt > now && isAskedFor(pkg, request)
  const last = stock.packages.find((pkg) => pkg.id === delivery.last && isWanted(pkg))
  const again = [...delivery.spent.filter(isWanted), ...(last === undefined ? [] : [last])]
  if (again.length === 0) return undefined
  const after = {
    packages: withExposed(stock.packages, last, now),
    deliveries: repeat(stock.deliveries, delivery),
  }
  return { stock: after, choice: delivered(after, again, last) }
}

function take(
  stock: Stock,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): { stock: Stock; choice: Choice } {
  const slots = stock.packages.filter((pkg) => isSlot(pkg) && isAskedFor(pkg, request))
  if (slots.length > 0) return { stock, choice: delivered(stock, slots, undefined) }
  const chosen = choose(stock.packages, request)
  if (chosen.length === 0) return { stock, choice: { outcome: 'none' } }

  const last = chosen.length === countSpendable(stock) ? chosen.at(-1) : undefined
  const spent = last === undefined ? chosen : chosen.slice(0, -1)
  const left = stock.packages.filter((pkg) => !spent.includes(pkg))
  const after = {
    packages: withExposed(left, last, now),
    deliveries: remember(stock.deliveries, deliveryOf(spent, last, request, policy, now)),
  }
  return { stock: after, choice: delivered(after, chosen, last) }
}

function delivered(
  { packages: left }: Stock,
  packages: readonly StockedPackage[],
  last: StockedPackage | undefined,
): Choice {
  return { outcome: 'delivered', packages, remaining: left.length, lastUsed: last !== undefined }
}

function withExposed(
  packages: readonly StockedPackage[],
  last: StockedPackage | undefined,
  now: number,
): readonly StockedPackage[] {
  return last === undefined ? packages : packages.map((pkg) => (pkg === last ? expose(pkg, now) : pkg))
}

function countSpendable({ packages }: Stock): number {
  return packages.filter((pkg) => !isSlot(pkg)).length
}

function withoutAny(stock: Stock, isGone: (pkg: StockedPackage) => boolean): Stock {
  return {
    packages: kept(stock.packages, (pkg) => !isGone(pkg)),
    deliveries: forget(stock.deliveries, isGone),
  }
}

/** `filter`, but the same array where nothing goes: an untouched stock stays identical. */
function kept<T>(items: readonly T[], predicate: (item: T) => boolean): readonly T[] {
  return items.every(predicate) ? items : items.filter(predicate)
}
