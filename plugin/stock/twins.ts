/**
 * Twins: one KeyPackage in a kind 443 and a kind 30443 event. Both events are kept, and the kind 443 one is an alias of the slot.
 * Pure.
 */

import { KEY_PACKAGE_KIND, SLOT_KIND } from '../key-package/kinds.ts'
import type { KnownName, StockedPackage } from '../store.ts'
import { type Delivery, forget } from './deliveries.ts'
import { isSlot } from './selection.ts'

/**
 * The name under which a package's KeyPackage is remembered. It differs by kind: a KeyPackage that was handed out as a one-time
 * package is still fit for a slot, but one that has left its slot is not (I3).
 */
export function refNameOf({ ref, kind }: Pick<StockedPackage, 'ref' | 'kind'>): KnownName['name'] {
  return `${kind}:${ref}`
}

/** The names under which a KeyPackage may be remembered. */
export interface RefNames {
  readonly oneTime: KnownName['name']
  readonly slot: KnownName['name']
  /** Of a package of either kind: earlier versions remembered the KeyPackageRef alone, and exports of theirs contain it. */
  readonly either: KnownName['name']
}

export function refNamesOf({ ref }: Pick<StockedPackage, 'ref'>): RefNames {
  return {
    oneTime: refNameOf({ ref, kind: KEY_PACKAGE_KIND }),
    slot: refNameOf({ ref, kind: SLOT_KIND }),
    either: ref,
  }
}

type Named = Pick<StockedPackage, 'id' | 'ref' | 'kind' | 'expiresAt' | 'keyPackageExpiresAt'>

/** The names under which a package is remembered: its event until it expires, and its KeyPackage as long as it can be used. */
export function namesOf(pkg: Named): KnownName[] {
  const { id, expiresAt, keyPackageExpiresAt = expiresAt } = pkg
  return [
    { name: id, expiresAt },
    { name: refNameOf(pkg), expiresAt: keyPackageExpiresAt },
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

/** Whether the KeyPackage of a slot is in the stock as a kind 443 package, or was claimed as one recently. */
export function hasTwin(slot: StockedPackage, { packages, deliveries }: Content<StockedPackage>): boolean {
  return [...packages, ...deliveries.flatMap(({ spent }) => spent)].some((pkg) => isTwin(pkg, slot))
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
  const isOfSlot = (pkg: StockedPackage) => isTwin(pkg, slot)
  const claimed = deliveries.flatMap(({ spent }) => spent).find(isOfSlot)
  const returned = claimed !== undefined && claimed.expiresAt > now ? [aliasOf(claimed)] : []
  return {
    packages: [...packages.map((pkg) => (isOfSlot(pkg) ? aliasOf(pkg) : pkg)), ...returned],
    deliveries: claimed === undefined ? deliveries : forget(deliveries, isOfSlot),
  }
}

/** The package as an alias: it is no shared package any more. */
export function aliasOf<Package extends StockedPackage>(pkg: Package): Package {
  const { exposure: _exposure, ...rest } = pkg
  // `exposure` is optional, so `rest` is still a Package. TypeScript cannot infer that for a type parameter.
  return { ...rest, alias: true } as Package
}

function isTwin(pkg: StockedPackage, slot: StockedPackage): boolean {
  return !isSlot(pkg) && pkg.ref === slot.ref
}
