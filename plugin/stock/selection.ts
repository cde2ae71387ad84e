/** Which of an author's packages a claim or a deletion means, and in what order they go. Pure. */

import type { Claim, Narrowing, Selector, StockedPackage } from '../store.ts'

/** Whether one of a claim's filters asks for this package. */
export function isAskedFor(pkg: StockedPackage, { narrowings }: Claim): boolean {
  return narrowings.some((narrowing) => meets(pkg, narrowing))
}

/**
 * The packages without a slot that a claim takes. An exposed package went to somebody already, so it is for
 * emergencies: it is chosen only when no fresh one is left beside it, whatever the request narrows to (I1).
 */
export function choose<Package extends StockedPackage>(
  packages: readonly Package[],
  request: Claim,
): Package[] {
  const candidates = packages.filter((pkg) => !isSlot(pkg) && isAskedFor(pkg, request))
  const chosen = candidates.sort(byPreference).slice(0, request.maximum)
  const chosenFresh = chosen.filter(isFresh)
  return chosenFresh.length === packages.filter(isFresh).length ? chosen : chosenFresh
}

/** The fresh packages in the order in which claims take them: a claim of fewer than all of them, whose filters ask for all, gets the first. */
export function freshInOrder<Package extends StockedPackage>(packages: readonly Package[]): Package[] {
  return packages.filter(isFresh).sort(byPreference)
}

/** Whether a deletion names this package. */
export function isSelected(pkg: StockedPackage, which: Selector): boolean {
  if (which.by === 'id') return which.ids.includes(pkg.id)
  if (pkg.createdAt > which.createdUntil) return false
  return which.by === 'author' || (pkg.slot !== undefined && which.slots.includes(pkg.slot))
}

/** Whether the package is addressable (kind 30443): delivering it never spends it. */
export function isSlot({ slot }: StockedPackage): boolean {
  return slot !== undefined
}

/** Whether the package was never delivered. */
export function isFresh(pkg: StockedPackage): boolean {
  return !isSlot(pkg) && pkg.exposure === undefined
}

/** Whether a package takes the slot of another: the newest does, of two equally new the one with the lowest id (NIP-01). */
export function isNewer(pkg: StockedPackage, other: StockedPackage): boolean {
  return byAge(other, pkg) < 0
}

/** Oldest first; of two equally old, the one that NIP-01 likes less, with the highest id. */
export function byAge(a: StockedPackage, b: StockedPackage): number {
  return a.createdAt - b.createdAt || (a.id > b.id ? -1 : 1)
}

/** Fresh before exposed; without the last_resort extension before with; oldest first; lowest id. */
function byPreference(a: StockedPackage, b: StockedPackage): number {
  return (
    Number(isFresh(b)) - Number(isFresh(a)) ||
    Number(a.lastResort) - Number(b.lastResort) ||
    a.createdAt - b.createdAt ||
    (a.id < b.id ? -1 : 1)
  )
}

/** Whether a package is what one filter asks for (NIP-01). */
export function meets(pkg: StockedPackage, { kinds, ids, since, until, tags = [] }: Narrowing): boolean {
  if (!kinds.includes(pkg.kind)) return false
  if (ids !== undefined && !ids.includes(pkg.id)) return false
  if (since !== undefined && pkg.createdAt < since) return false
  if (until !== undefined && pkg.createdAt > until) return false
  return tags.every(([letter, values]) =>
    pkg.tags.some(([name, value]) => name === letter && values.includes(value)),
  )
}
