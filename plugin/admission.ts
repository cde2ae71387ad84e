/** What a package finds that comes into a stock: room, an older one in its slot, or too many. Pure. */

import { byAge, isNewer, isSlot } from './selection.ts'
import type { PutOutcome, StockedPackage, StockLimits } from './store.ts'

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

function without(packages: Packages, gone: Packages): Packages {
  return packages.filter((pkg) => !gone.includes(pkg))
}
