/** What a claim delivers, and what it spends: everything except a last package and slots. Pure. */

import type { Claim, ClaimOutcome, ClaimPolicy, StockedPackage } from '../store.ts'
import { deliveryOf, findRepeatable, remember, repeat } from './deliveries.ts'
import { expose } from './exposure.ts'
import { choose, isAskedFor, isSlot } from './selection.ts'
import { removedBetween, type Stock, type StockChange, settle } from './stock.ts'
import { type ClaimWindows, type CountedWindows, countClaim } from './windows.ts'

export interface Claimed<Package extends StockedPackage>
  extends StockChange<Package, Stock<Package> | undefined> {
  readonly choice: ClaimOutcome<Package>
  /** The new windows of the requester and the address; undefined if they do not change. */
  readonly windows: CountedWindows | undefined
}

/** Delivers packages and spends them, except a last one and slots (I1, I2). Counts the claim if the author is known (I5). */
export function claim<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  windows: ClaimWindows,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Claimed<Package> {
  if (stock === undefined) return { stock, windows: undefined, choice: { outcome: 'none' }, removed: [] }
  const counted = countClaim(windows, policy, now)
  if ('outcome' in counted) return { stock, windows: undefined, choice: counted, removed: [] }
  const current = settle(stock, policy.retireAfterSeconds, now)
  const answer = redeliver(current, request, policy, now) ?? take(current, request, policy, now)
  const removed = removedBetween(stock.packages, current.packages, 'retired', now)
  return { ...answer, windows: counted, removed }
}

/** The result of a claim on a settled stock. */
interface Answer<Package extends StockedPackage> {
  readonly stock: Stock<Package>
  readonly choice: ClaimOutcome<Package>
}

function redeliver<Package extends StockedPackage>(
  stock: Stock<Package>,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Answer<Package> | undefined {
  const delivery = findRepeatable(stock.deliveries, request, policy, now)
  if (delivery === undefined) return undefined
  const isWanted = (pkg: Package) => pkg.expiresAt > now && isAskedFor(pkg, request)
  const last = stock.packages.find((pkg) => pkg.id === delivery.last && isWanted(pkg))
  const again = [...delivery.spent.filter(isWanted), ...(last === undefined ? [] : [last])]
  if (again.length === 0) return undefined
  const after = {
    packages: withExposed(stock.packages, last, now),
    deliveries: repeat(stock.deliveries, delivery),
  }
  return { stock: after, choice: delivered(after, again, last) }
}

function take<Package extends StockedPackage>(
  stock: Stock<Package>,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Answer<Package> {
  const slots = stock.packages.filter((pkg) => isSlot(pkg) && isAskedFor(pkg, request))
  if (slots.length > 0) return { stock, choice: delivered(stock, slots, undefined) }
  const chosen = choose(stock.packages, request)
  if (chosen.length === 0) return { stock, choice: { outcome: 'none' } }

  const last = chosen.length === countSpendable(stock) ? chosen.at(-1) : undefined
  const spent = last === undefined ? chosen : chosen.slice(0, -1)
  const left = stock.packages.filter((pkg) => !spent.includes(pkg))
  const after = {
    packages: withExposed(left, last, now),
    deliveries: remember(stock.deliveries, deliveryOf(spent, last, request, policy, now)),
  }
  return { stock: after, choice: delivered(after, chosen, last) }
}

function delivered<Package extends StockedPackage>(
  { packages: left }: Stock,
  packages: readonly Package[],
  last: Package | undefined,
): ClaimOutcome<Package> {
  return { outcome: 'delivered', packages, remaining: left.length, lastUsed: last !== undefined }
}

function withExposed<Package extends StockedPackage>(
  packages: readonly Package[],
  last: Package | undefined,
  now: number,
): readonly Package[] {
  return last === undefined ? packages : packages.map((pkg) => (pkg === last ? expose(pkg, now) : pkg))
}

function countSpendable({ packages }: Stock): number {
  return packages.filter((pkg) => !isSlot(pkg)).length
}
