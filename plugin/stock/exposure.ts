/** The exposure of the shared package, which was delivered and kept: counts its deliveries, and decides when it retires. Pure. */

import type { Exposure, StockedPackage } from '../store.ts'
import { isFresh } from './selection.ts'

/** The package after one more delivery as the shared one. */
export function expose<Package extends StockedPackage>(pkg: Package, now: number): Package {
  const { since, count } = pkg.exposure ?? { since: now, count: 0 }
  return { ...pkg, exposure: { since, count: count + 1 } }
}

/** The package after one of those deliveries was undone; fresh again if it was the only one. */
export function lessExposed<Package extends StockedPackage>(pkg: Package): Package {
  const { exposure, ...fresh } = pkg
  if (exposure === undefined) return pkg
  if (exposure.count > 1) return { ...pkg, exposure: { ...exposure, count: exposure.count - 1 } }
  // `exposure` is optional, so `fresh` is still a Package. TypeScript cannot infer that for a type parameter.
  return fresh as Package
}

/**
 * Removes packages exposed for `retireAfterSeconds` or longer, if at least two fresh ones have arrived since. Packages that were
 * there before do not count: strangers who used up their share would otherwise spend one of them each time.
 */
export function retire<Package extends StockedPackage>(
  packages: readonly Package[],
  retireAfterSeconds: number,
  now: number,
): readonly Package[] {
  const isDone = (pkg: StockedPackage) =>
    pkg.exposure !== undefined &&
    pkg.exposure.since + retireAfterSeconds <= now &&
    canRetire(pkg.exposure, packages)
  return packages.some(isDone) ? packages.filter((pkg) => !isDone(pkg)) : packages
}

/** When `retire` will spend packages, in seconds since the epoch, if the stock does not change. */
export function retirements(packages: readonly StockedPackage[], retireAfterSeconds: number): number[] {
  return packages.flatMap(({ exposure }) =>
    exposure && canRetire(exposure, packages) ? [exposure.since + retireAfterSeconds] : [],
  )
}

function canRetire({ since }: Exposure, packages: readonly StockedPackage[]): boolean {
  // Packages without the time are from earlier versions of the store.
  return packages.filter((pkg) => isFresh(pkg) && (pkg.receivedAt ?? pkg.createdAt) > since).length >= 2
}
