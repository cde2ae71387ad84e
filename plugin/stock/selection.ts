/** Which of an author's packages a claim selects, and in what order. Pure. */

import { SLOT_KIND } from '../key-package/kinds.ts'
import type { Claim, Narrowing, StockedPackage } from '../store.ts'

/** Comes after every rank. */
const LAST_RANK = '~'

/** Whether this package matches one of the claim's filters. */
export function isAskedFor(pkg: StockedPackage, { narrowings }: Claim): boolean {
  return narrowings.some((narrowing) => meets(pkg, narrowing))
}

/** Whether a claim asks for slots alone, so that nothing can be spent. */
export function isForSlotsAlone({ narrowings }: Pick<Claim, 'narrowings'>): boolean {
  return narrowings.every(({ kinds }) => kinds.every((kind) => kind === SLOT_KIND))
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

/** The fresh packages in the order in which claims take them. */
export function freshInOrder<Package extends StockedPackage>(packages: readonly Package[]): Package[] {
  return packages.filter(isFresh).sort(byPreference)
}

/**
 * The one-time package that may go to several requesters: the one that was exposed. An import can bring others that were exposed
 * elsewhere; they are delivered only once this one is gone (I1).
 */
export function sharedOf<Package extends StockedPackage>(packages: readonly Package[]): Package | undefined {
  const [first] = packages.filter((pkg) => isOneTime(pkg) && !isFresh(pkg)).sort(byPreference)
  return first
}

/** Which of the fresh packages, in their order, to share: if there is one, a last resort (RFC 9420 section 16.8). */
export function toShare<Package extends StockedPackage>(fresh: readonly Package[]): Package | undefined {
  return fresh.find(({ lastResort }) => lastResort) ?? fresh[0]
}

/** How many KeyPackages there are: an alias is its slot's. */
export function sizeOf(packages: readonly StockedPackage[]): number {
  return packages.filter(({ alias }) => !alias).length
}

/** Whether the package is addressable (kind 30443): delivery never spends it. */
export function isSlot({ slot }: StockedPackage): boolean {
  return slot !== undefined
}

/** Whether delivery spends the package, unless it is the shared one. */
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

/** Without the last_resort extension before with it; then by `rank`, those without one last; then oldest first; then lowest id. */
function byPreference(a: StockedPackage, b: StockedPackage): number {
  return (
    Number(a.lastResort) - Number(b.lastResort) ||
    byText(a.rank ?? LAST_RANK, b.rank ?? LAST_RANK) ||
    a.createdAt - b.createdAt ||
    byText(a.id, b.id)
  )
}

function byText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
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
