/** Decides whether an offered package is stored: it may be known already, too old for its slot, or exceed a limit. Pure. */

import type { KnownName, PutOutcome, StockedPackage, StockLimits } from '../store.ts'
import { isTakenIn } from './bookkeeping.ts'
import { byAge, isNewer, isSlot } from './selection.ts'
import {
  EMPTY_STOCK,
  type KnownUntil,
  removedBetween,
  type Stock,
  type StockChange,
  settle,
} from './stock.ts'
import { hit, isOver, type KeptWindow } from './windows.ts'

/** The store must remember `names` from now on, each until its `expiresAt`. */
export interface Offered<Package extends StockedPackage>
  extends StockChange<Package, Stock<Package> | undefined> {
  readonly outcome: PutOutcome
  /** The author's new publish window; undefined if it does not change. */
  readonly published: KeptWindow | undefined
  readonly names: readonly KnownName[]
}

/**
 * Offers a package to the stock. `published` is the author's publish window; it counts the outcomes `stored` and
 * `replaced`.
 */
export function offer<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  published: KeptWindow | undefined,
  pkg: Package,
  knownUntil: KnownUntil,
  limits: StockLimits,
  now: number,
): Offered<Package> {
  const before = stock ?? EMPTY_STOCK
  const current = settle<Package>(before, limits.retireAfterSeconds, now)
  const unchanged = { stock, published: undefined, names: [], removed: [] }
  if (current.packages.some(({ id, ref }) => id === pkg.id || ref === pkg.ref)) {
    return { ...unchanged, outcome: 'duplicate' }
  }
  const isKnown = (name: KnownName['name']) => !isOver(knownUntil(name) ?? now, now)
  if (isKnown(pkg.id) || isKnown(pkg.ref)) return { ...unchanged, outcome: 'spent' }

  const { packages, outcome } = admit(current.packages, pkg, limits)
  // Anybody can send an author's events, so a package that is not stored must not use up the author's quota.
  const quota = isTakenIn(outcome) ? limits.publish : undefined
  const counted = quota && hit(published, 1, quota, now)
  if (counted?.outcome.granted === 0) return { ...unchanged, outcome: 'limited' }
  const gaveWay = outcome === 'replaced' ? 'replaced' : 'evicted'
  const removed = [
    ...removedBetween(before.packages, current.packages, 'retired', now),
    ...removedBetween(current.packages, packages, gaveWay, now),
  ]
  const after = packages === current.packages ? current : { ...current, packages }
  const names = outcome === 'full' ? [] : namesOf(pkg)
  return { stock: after === EMPTY_STOCK ? stock : after, published: counted?.window, names, outcome, removed }
}

/** Adds the package, unless its slot has a newer one or there is no room. */
function admit<Package extends StockedPackage>(
  packages: readonly Package[],
  pkg: Package,
  { max, overflow }: StockLimits,
): { packages: readonly Package[]; outcome: PutOutcome } {
  const predecessor = packages.find((other) => isSlot(other) && other.slot === pkg.slot)
  if (predecessor !== undefined) {
    if (!isNewer(pkg, predecessor)) return { packages, outcome: 'stale' }
    return { packages: [...without(packages, [predecessor]), pkg], outcome: 'replaced' }
  }

  const rivals = packages.filter((other) => isSlot(other) === isSlot(pkg))
  if (rivals.length < max) return { packages: [...packages, pkg], outcome: 'stored' }
  if (overflow === 'reject') return { packages, outcome: 'full' }
  const evicted = rivals.sort(byAge).slice(0, rivals.length - max + 1)
  return { packages: [...without(packages, evicted), pkg], outcome: 'stored' }
}

function without<Package extends StockedPackage>(
  packages: readonly Package[],
  gone: readonly Package[],
): Package[] {
  return packages.filter((pkg) => !gone.includes(pkg))
}

function namesOf({ id, ref, expiresAt }: StockedPackage): KnownName[] {
  return [
    { name: id, expiresAt },
    { name: ref, expiresAt },
  ]
}
