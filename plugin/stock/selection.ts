/** Which of an author's packages a claim selects, and in what order. Pure. */

import { SLOT_KIND } from '../key-package/kinds.ts'
import type { Claim, Narrowing, StockedPackage } from '../store.ts'

/** Whether this package matches one of the claim's filters. */
export function isAskedFor(pkg: StockedPackage, { narrowings }: Claim): boolean {
  return narrowings.some((narrowing) => meets(pkg, narrowing))
}

/** Whether a claim asks for slots alone, so that nothing can be spent. */
export function isForSlotsAlone({ narrowings }: Pick<Claim, 'narrowings'>): boolean {
  return narrowings.every(({ kinds }) => kinds.every((kind) => kind === SLOT_KIND))
}

/**
 * The one-time packages that a claim takes. An exposed package was already delivered to somebody. So it is chosen only if no
 * fresh package would be left in the stock, even one that the filters do not match (I1).
 */
export function choose<Package extends StockedPackage>(
  packages: readonly Package[],
  request: Claim,
): Package[] {
  const candidates = packages.filter((pkg) => isOneTime(pkg) && isAskedFor(pkg, request))
  const chosen = candidates.sort(byPreference).slice(0, request.maximum)
  const chosenFresh = chosen.filter(isFresh)
  return chosenFresh.length === packages.filter(isFresh).length ? chosen : chosenFresh
}

/** The slots that a claim gets: newest first, up to its maximum. */
export function chooseSlots<Package extends StockedPackage>(
  packages: readonly Package[],
  request: Claim,
): Package[] {
  return newestOf(packages.filter(isSlot), request)
}

/** The aliases that a claim gets, likewise. */
export function chooseAliases<Package extends StockedPackage>(
  packages: readonly Package[],
  request: Claim,
): Package[] {
  return newestOf(
    packages.filter(({ alias }) => alias),
    request,
  )
}

/**
 * The fresh packages in the order in which claims take them. A claim whose filters match all of them, but which takes
 * fewer, gets the first.
 */
export function freshInOrder<Package extends StockedPackage>(packages: readonly Package[]): Package[] {
  return packages.filter(isFresh).sort(byPreference)
}

/** How many KeyPackages there are: an alias is its slot's. */
export function sizeOf(packages: readonly StockedPackage[]): number {
  return packages.filter(({ alias }) => !alias).length
}

/** Whether the package is addressable (kind 30443): delivery never spends it. */
export function isSlot({ slot }: StockedPackage): boolean {
  return slot !== undefined
}

/** Whether delivery spends the package, unless it is the last one. */
export function isOneTime({ slot, alias }: StockedPackage): boolean {
  return slot === undefined && alias !== true
}

/** Whether it is a one-time package that was never delivered. */
export function isFresh(pkg: StockedPackage): boolean {
  return isOneTime(pkg) && pkg.exposure === undefined
}

/** Whether a package replaces another in its slot: the newer one wins, and on a tie the lower id (NIP-01). */
export function isNewer(pkg: StockedPackage, other: StockedPackage): boolean {
  return byAge(other, pkg) < 0
}

/** Oldest first; on a tie the higher id first, because NIP-01 keeps the lower one. */
export function byAge(a: StockedPackage, b: StockedPackage): number {
  return a.createdAt - b.createdAt || (a.id > b.id ? -1 : 1)
}

/** Fresh before exposed; then without the last_resort extension before with it; then oldest first; then lowest id. */
function byPreference(a: StockedPackage, b: StockedPackage): number {
  return (
    Number(isFresh(b)) - Number(isFresh(a)) ||
    Number(a.lastResort) - Number(b.lastResort) ||
    a.createdAt - b.createdAt ||
    (a.id < b.id ? -1 : 1)
  )
}

function newestOf<Package extends StockedPackage>(packages: readonly Package[], request: Claim): Package[] {
  const asked = packages.filter((pkg) => isAskedFor(pkg, request))
  return asked.sort((a, b) => byAge(b, a)).slice(0, request.maxSlots)
}

/** Whether a package matches one filter (NIP-01). */
export function meets(pkg: StockedPackage, { kinds, ids, since, until, tags = [] }: Narrowing): boolean {
  if (!kinds.includes(pkg.kind)) return false
  if (ids !== undefined && !ids.includes(pkg.id)) return false
  if (since !== undefined && pkg.createdAt < since) return false
  if (until !== undefined && pkg.createdAt > until) return false
  return tags.every(([letter, values]) =>
    pkg.tags.some(([name, value]) => name === letter && values.includes(value)),
  )
}
