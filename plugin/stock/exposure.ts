/** What becomes of a last package that was delivered and stayed: it counts its deliveries, and retires when it can. Pure. */

import type { StockedPackage } from '../store.ts'
import { isFresh } from './selection.ts'

/** The package once it was delivered as the last, or delivered as the last again. */
export function expose<Package extends StockedPackage>(pkg: Package, now: number): Package {
  const { since, count } = pkg.exposure ?? { since: now, count: 0 }
  return { ...pkg, exposure: { since, count: count + 1 } }
}

/** The package once one of those deliveries was undone; fresh again where it was the only one. */
export function lessExposed<Package extends StockedPackage>(pkg: Package): Package {
  const { exposure, ...fresh } = pkg
  if (exposure === undefined) return pkg
  if (exposure.count > 1) return { ...pkg, exposure: { ...exposure, count: exposure.count - 1 } }
  // Every package is one without its exposure, which is optional: TypeScript does not see that through a parameter.
  return fresh as Package
}

/** What is left once exposed packages are spent that have `retireAfterSeconds` behind them and two fresh ones beside them. */
export function retire<Package extends StockedPackage>(
  packages: readonly Package[],
  retireAfterSeconds: number,
  now: number,
): readonly Package[] {
  const isDone = ({ exposure }: StockedPackage) =>
    exposure !== undefined && exposure.since + retireAfterSeconds <= now
  return packages.some(isDone) && canRetire(packages) ? packages.filter((pkg) => !isDone(pkg)) : packages
}

/** When `retire` will spend a package, in seconds since the epoch, if the stock stays as it is. */
export function retirements(packages: readonly StockedPackage[], retireAfterSeconds: number): number[] {
  if (!canRetire(packages)) return []
  return packages.flatMap(({ exposure }) => (exposure ? [exposure.since + retireAfterSeconds] : []))
}

function canRetire(packages: readonly StockedPackage[]): boolean {
  return packages.filter(isFresh).length >= 2
}
