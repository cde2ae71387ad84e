/**
 * Twins: one KeyPackage in a kind 443 and a kind 30443 event. Both events are kept, and the kind 443 one is an alias of the slot.
 * Pure.
 */

import type { KnownName, StockedPackage } from '../store.ts'
import { type Delivery, forget } from './deliveries.ts'
import { isSlot } from './selection.ts'

/**
 * The name under which a package's KeyPackage is remembered. It differs for slots: a KeyPackage that was handed out as a
 * one-time package is still fit for a slot, but one that has left its slot is not (I3).
 */
export function refNameOf({ ref, slot }: Pick<StockedPackage, 'ref' | 'slot'>): KnownName['name'] {
  return slot === undefined ? ref : slotRefName(ref)
}

export function slotRefName(ref: StockedPackage['ref']): KnownName['name'] {
  return `slot:${ref}`
}

/** The names under which a package is remembered. */
export function namesOf(pkg: Pick<StockedPackage, 'id' | 'ref' | 'slot' | 'expiresAt'>): KnownName[] {
  const { id, expiresAt } = pkg
  return [
    { name: id, expiresAt },
    { name: refNameOf(pkg), expiresAt },
  ]
}

/** The packages without aliases whose slot is gone. The same array if nothing is removed. */
export function withoutOrphans<Package extends StockedPackage>(
  packages: readonly Package[],
): readonly Package[] {
  if (!packages.some(({ alias }) => alias)) return packages
  const inSlots = new Set(packages.filter(isSlot).map(({ ref }) => ref))
  const isOrphan = ({ alias, ref }: Package) => alias === true && !inSlots.has(ref)
  return packages.some(isOrphan) ? packages.filter((pkg) => !isOrphan(pkg)) : packages
}

/** The packages and deliveries of one author. */
interface Content<Package extends StockedPackage> {
  readonly packages: readonly Package[]
  readonly deliveries: readonly Delivery<Package>[]
}

/**
 * Makes the one-time package with the KeyPackage of a new slot an alias. If it was claimed recently, it returns: for its next
 * requester it is a slot.
 */
export function withAliasOf<Package extends StockedPackage>(
  slot: Package,
  { packages, deliveries }: Content<Package>,
  now: number,
): Content<Package> {
  const isTwin = (pkg: StockedPackage) => !isSlot(pkg) && pkg.ref === slot.ref
  const claimed = deliveries.flatMap(({ spent }) => spent).find(isTwin)
  const returned = claimed !== undefined && claimed.expiresAt > now ? [aliasOf(claimed)] : []
  return {
    packages: [...packages.map((pkg) => (isTwin(pkg) ? aliasOf(pkg) : pkg)), ...returned],
    deliveries: claimed === undefined ? deliveries : forget(deliveries, isTwin),
  }
}

/** The package as an alias: it is no shared package any more. */
export function aliasOf<Package extends StockedPackage>(pkg: Package): Package {
  const { exposure: _exposure, ...rest } = pkg
  // `exposure` is optional, so `rest` is still a Package. TypeScript cannot infer that for a type parameter.
  return { ...rest, alias: true } as Package
}
