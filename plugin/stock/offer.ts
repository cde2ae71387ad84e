/** Decides whether an offered package is stored: it may be known already, deleted, too old for its slot, or exceed a limit. Pure. */

import type { KnownName, PutOutcome, StockedPackage, StockLimits } from '../store.ts'
import { isTakenIn } from './bookkeeping.ts'
import { isDeleted } from './deletions.ts'
import { byAge, isNewer, isOneTime, isSlot } from './selection.ts'
import {
  EMPTY_STOCK,
  type KnownUntil,
  removedBetween,
  type Stock,
  type StockChange,
  settle,
} from './stock.ts'
import { aliasOf, hasTwin, namesOf, refNamesOf, withAliasOf, withoutOrphans } from './twins.ts'
import { hit, isOver, type KeptWindow } from './windows.ts'

/** The store must remember `names` from now on, each until its `expiresAt`. */
export interface Offered<Package extends StockedPackage>
  extends StockChange<Package, Stock<Package> | undefined> {
  readonly outcome: PutOutcome
  /** The author's new publish window; undefined if it does not change. */
  readonly published: KeptWindow | undefined
  readonly names: readonly KnownName[]
  /** Names that the store must forget: those of slots that were evicted and may come back. */
  readonly forgotten: readonly KnownName['name'][]
}

/**
 * Offers a package to the stock. `published` is the author's publish window; it counts the outcomes `stored` and
 * `replaced`, and what `limits.counts` says. `knownUntil` is asked for `namesAskedOf(pkg)`.
 */
export function offer<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  published: KeptWindow | undefined,
  offered: Package,
  knownUntil: KnownUntil,
  limits: StockLimits,
  now: number,
): Offered<Package> {
  const { keyPackageExpiresAt: _, ...rest } = { ...offered, receivedAt: offered.receivedAt ?? now }
  // `keyPackageExpiresAt` is optional, so `rest` is still a Package. TypeScript cannot infer that for a type parameter.
  const pkg = rest as Package
  const before = stock ?? EMPTY_STOCK
  const current = settle<Package>(before, limits.retireAfterSeconds, now)
  const unchanged = { stock, published: undefined, names: [], forgotten: [], removed: [] }
  const isKnown = (name: KnownName['name']) => !isOver(knownUntil(name) ?? now, now)
  if (current.packages.some(({ id }) => id === pkg.id)) return { ...unchanged, outcome: 'duplicate' }
  if (isKnown(pkg.id)) return { ...unchanged, outcome: 'spent' }
  if (isDeleted(current.deletions, pkg, now)) return { ...unchanged, outcome: 'deleted' }

  const admitted = isSlot(pkg)
    ? admitSlot(current, pkg, isKnown, limits, now)
    : admitOneTime(current, pkg, isKnown, limits)
  const { outcome, evicted = [] } = admitted
  if (!isTakenIn(outcome) && outcome !== 'stale') return { ...unchanged, outcome }
  const quota = isTakenIn(outcome) || limits.counts === 'stale too' ? limits.publish : undefined
  const counted = quota && hit(published, 1, quota, now)
  if (counted?.outcome.granted === 0) return { ...unchanged, outcome: 'limited' }
  if (stock === undefined && limits.newAuthors === 'report') return { ...unchanged, outcome: 'unheard' }
  const after = admitted.stock ?? current
  const removed = [
    ...removedBetween(before.packages, current.packages, 'retired', now),
    ...removedBetween(current.packages, after.packages, outcome === 'replaced' ? 'replaced' : 'evicted', now),
  ]
  return {
    stock: after,
    published: counted?.window,
    names: namesOf(offered).filter(({ name, expiresAt }) => expiresAt > (knownUntil(name) ?? 0)),
    forgotten: evicted.filter(isSlot).flatMap((slot) => namesOf(slot).map(({ name }) => name)),
    outcome,
    removed,
  }
}

/** The names that `offer` looks up. */
export function namesAskedOf(pkg: StockedPackage): KnownName['name'][] {
  return [pkg.id, ...Object.values(refNamesOf(pkg))]
}

interface Admitted<Package extends StockedPackage> {
  readonly outcome: PutOutcome
  /** Undefined if it does not change. */
  readonly stock?: Stock<Package>
  /** The packages that made room. */
  readonly evicted?: readonly Package[]
}

type IsKnown = (name: KnownName['name']) => boolean

/** Adds a slot. The newest package of a slot always wins; of all slots, the oldest makes room. */
function admitSlot<Package extends StockedPackage>(
  stock: Stock<Package>,
  pkg: Package,
  isKnown: IsKnown,
  { max }: StockLimits,
  now: number,
): Admitted<Package> {
  const slots = stock.packages.filter(isSlot)
  const predecessor = slots.find(({ slot }) => slot === pkg.slot)
  if (predecessor !== undefined) {
    if (!isNewer(pkg, predecessor)) return { outcome: 'stale' }
    return { outcome: 'replaced', stock: withSlot(stock, pkg, [predecessor], now) }
  }
  if (slots.some(({ ref }) => ref === pkg.ref)) return { outcome: 'duplicate' }
  const names = refNamesOf(pkg)
  if (isKnown(names.slot)) return { outcome: 'spent' }
  // An earlier version took in either the twin or the slot, so if the twin is here, it is the one that is remembered.
  if (isKnown(names.either) && !hasTwin(pkg, stock)) return { outcome: 'spent' }
  const evicted = slots.sort(byAge).slice(0, Math.max(0, slots.length - max + 1))
  if (evicted.some((other) => !isNewer(pkg, other))) return { outcome: 'full' }
  return { outcome: 'stored', stock: withSlot(stock, pkg, evicted, now), evicted }
}

/** Adds a slot, and the alias that belongs to it; without those that give way, and their aliases. */
function withSlot<Package extends StockedPackage>(
  stock: Stock<Package>,
  pkg: Package,
  gone: readonly Package[],
  now: number,
): Stock<Package> {
  const { packages, deliveries } = withAliasOf(pkg, stock, now)
  return { ...stock, packages: withoutOrphans([...without(packages, gone), pkg]), deliveries }
}

/** Adds a kind 443 package: as an alias if its KeyPackage is in a slot, else as a one-time package if there is room. */
function admitOneTime<Package extends StockedPackage>(
  stock: Stock<Package>,
  pkg: Package,
  isKnown: IsKnown,
  { max, overflow }: StockLimits,
): Admitted<Package> {
  const { packages } = stock
  const sameKeyPackage = packages.filter(({ ref }) => ref === pkg.ref)
  if (sameKeyPackage.some((other) => !isSlot(other))) return { outcome: 'duplicate' }
  const names = refNamesOf(pkg)
  if (isKnown(names.oneTime)) return { outcome: 'spent' }
  if (sameKeyPackage.length > 0)
    return { outcome: 'stored', stock: { ...stock, packages: [...packages, aliasOf(pkg)] } }
  if (isKnown(names.slot) || isKnown(names.either)) return { outcome: 'spent' }

  const rivals = packages.filter(isOneTime)
  if (rivals.length >= max && overflow === 'reject') return { outcome: 'full' }
  const evicted = rivals.sort(byAge).slice(0, Math.max(0, rivals.length - max + 1))
  return { outcome: 'stored', stock: { ...stock, packages: [...without(packages, evicted), pkg] }, evicted }
}

function without<Package extends StockedPackage>(
  packages: readonly Package[],
  gone: readonly Package[],
): Package[] {
  return packages.filter((pkg) => !gone.includes(pkg))
}
