/** Which packages left a stock otherwise than by a claim, and why. Pure. */

import type { Removal, StockedPackage } from './store.ts'

/** A `Removal`, without the author whose stock it is. */
export type Removed = Omit<Removal, 'author'>

type Packages = readonly StockedPackage[]

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
