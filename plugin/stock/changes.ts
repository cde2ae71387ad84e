/** What comes into a stock, and what leaves it otherwise than by a claim. Pure. */

import type { PutOutcome, Removal, StockedPackage, StockLimits } from '../store.ts'
import { byAge, isNewer, isSlot } from './selection.ts'

/** A `Removal`, without the author whose stock it is. */
export type Removed = Omit<Removal, 'author'>

type Packages = readonly StockedPackage[]

/** The packages with a new one among them, unless it came too late for its slot or there is no room. */
export function admit(
  packages: Packages,
  pkg: StockedPackage,
  { max, overflow }: StockLimits,
): { packages: Packages; outcome: PutOutcome } {
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

/** What is in `before` and not in `after`: it expired, or went for the reason `why`. */
export function removedBetween(
  before: Packages,
  after: Packages,
  why: Removal['why'],
  now: number,
): readonly Removed[] {
  if (before === after) return []
  const left = new Set(after.map(({ id }) => id))
  return before
    .filter(({ id }) => !left.has(id))
    .map(({ id, ref, kind, expiresAt }) => ({ id, ref, kind, why: expiresAt <= now ? 'expired' : why }))
}

function without(packages: Packages, gone: Packages): Packages {
  return packages.filter((pkg) => !gone.includes(pkg))
}
