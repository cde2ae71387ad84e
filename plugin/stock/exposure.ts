/** The exposure of a last package that was delivered and kept: counts its deliveries, and decides when it retires. Pure. */

import type { StockedPackage } from '../store.ts'
import { isFresh } from './selection.ts'

/** The package after one more delivery as the last one. */
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

/** Removes packages exposed for `retireAfterSeconds` or longer, if the stock has at least two fresh ones. */
export function retire<Package extends StockedPackage>(
  packages: readonly Package[],
  retireAfterSeconds: number,
  now: number,
): readonly Package[] {
  const isDone = ({ exposure }: StockedPackage) =>
    exposure !== undefined && exposure.since + retireAfterSeconds <= now
  return packages.some(isDone) && canRetire(packages) ? packages.filter((pkg) => !isDone(pkg)) : packages
}

/** When `retire` will spend packages, in seconds since the epoch, if the stock does not change. */
export function retirements(packages: readonly StockedPackage[], retireAfterSeconds: number): number[] {
  if (!canRetire(packages)) return []
  return packages.flatMap(({ exposure }) => (exposure ? [exposure.since + retireAfterSeconds] : []))
}

function canRetire(packages: readonly StockedPackage[]): boolean {
  return packages.filter(isFresh).length >= 2
}
