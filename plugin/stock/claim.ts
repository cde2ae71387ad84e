/** What a claim delivers, and what it spends: everything except the shared package, slots and their aliases. Pure. */

import type { Claim, ClaimOutcome, ClaimPolicy, StockedPackage } from '../store.ts'
import { deliveryOf, findRepeatable, repeat, withDelivery } from './deliveries.ts'
import { expose } from './exposure.ts'
import {
  chooseAliases,
  chooseSlots,
  freshInOrder,
  isAskedFor,
  isForSlotsAlone,
  isFresh,
  isOneTime,
  sharedOf,
  toShare,
} from './selection.ts'
import { removedBetween, type Stock, type StockChange, settle, withTakes } from './stock.ts'
import { shareOf, withTake } from './strangers.ts'
import { type ChangedWindows, countClaim, type WindowOf } from './windows.ts'

export interface Claimed<Package extends StockedPackage>
  extends StockChange<Package, Stock<Package> | undefined> {
  readonly choice: ClaimOutcome<Package>
  /** Undefined if no window changes; then the stock does not either. */
  readonly windows: ChangedWindows | undefined
}

/**
 * Delivers packages and spends them, except the shared one, slots and aliases (I1, I2). Counts the claim in the author's windows
 * (I5), but not one that finds nothing: strangers could tell from it who has packages. Nor one for slots alone, nor one that
 * only repeats what the requester has seen. `windowOf` is asked for `windowsOf(request)`.
 */
export function claim<Package extends StockedPackage>(
  stock: Stock<Package> | undefined,
  windowOf: WindowOf,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Claimed<Package> {
  const unchanged = (choice: ClaimOutcome<Package>) => ({ stock, windows: undefined, removed: [], choice })
  if (stock === undefined) return unchanged(request.limited ?? { outcome: 'none' })
  const current = settle(stock, policy.retireAfterSeconds, now)
  const answer = answerTo(current, request, policy, now)
  if (isSeen(answer, request)) return unchanged({ ...answer.choice, counted: false })
  if (request.limited !== undefined) return unchanged(request.limited)
  if (isForSlotsAlone(request)) return unchanged(answer.choice)
  const counted = countClaim(windowOf, request, policy, now)
  if ('outcome' in counted) return unchanged(counted)
  if (answer.choice.outcome !== 'delivered') return unchanged(answer.choice)
  const removed = removedBetween(stock.packages, current.packages, 'retired', now)
  return { ...answer, windows: counted, removed }
}

type Choice<Package extends StockedPackage> = Extract<
  ClaimOutcome<Package>,
  { outcome: 'delivered' } | { outcome: 'none' } | { outcome: 'needs-known' }
>

/** The result of a claim on a settled stock. */
interface Answer<Package extends StockedPackage, Chosen extends Choice<Package> = Choice<Package>> {
  readonly stock: Stock<Package>
  readonly choice: Chosen
}

type Delivered<Package extends StockedPackage> = Extract<Choice<Package>, { outcome: 'delivered' }>

/** Slots if any match; else one-time packages; else aliases. */
function answerTo<Package extends StockedPackage>(
  stock: Stock<Package>,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Answer<Package> {
  const { packages } = stock
  const slots = chooseSlots(packages, request)
  if (slots.length > 0) return { stock, choice: delivered(stock, slots, undefined, 0) }
  const oneTime = redeliver(stock, request, policy, now) ?? take(stock, request, policy, now)
  if (oneTime !== undefined) return oneTime
  const aliases = chooseAliases(packages, request)
  if (aliases.length > 0) return { stock, choice: delivered(stock, aliases, undefined, 0) }
  return { stock, choice: { outcome: 'none' } }
}

/** Whether the claim delivers only slots and aliases that the requester was delivered before. */
function isSeen<Package extends StockedPackage>(
  answer: Answer<Package>,
  { seen = [] }: Claim,
): answer is Answer<Package, Delivered<Package>> {
  const { choice } = answer
  if (choice.outcome !== 'delivered') return false
  return choice.packages.every((pkg) => !isOneTime(pkg) && seen.includes(pkg.id))
}

/** Repeats a recent delivery. Within it, the requester gets no other one-time package, whatever their filter matches. */
function redeliver<Package extends StockedPackage>(
  stock: Stock<Package>,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Answer<Package> | undefined {
  const delivery = findRepeatable(stock.deliveries, request, policy, now)
  if (delivery === undefined) return undefined
  const shared = stock.packages.find((pkg) => pkg.id === delivery.last && isOneTime(pkg))
  const held = [...delivery.spent, ...(shared === undefined ? [] : [shared])].filter(
    ({ expiresAt }) => expiresAt > now,
  )
  if (held.length === 0) return undefined
  const again = held.filter((pkg) => isAskedFor(pkg, request))
  if (again.length === 0) return { stock, choice: { outcome: 'none' } }
  const sharedAgain = again.find((pkg) => pkg === shared)
  const after = {
    ...stock,
    packages: withExposed(stock.packages, sharedAgain, now),
    deliveries: repeat(stock.deliveries, delivery, request),
  }
  return { stock: after, choice: delivered(after, again, sharedAgain, 0) }
}

/** Undefined if no one-time package matches. */
function take<Package extends StockedPackage>(
  stock: Stock<Package>,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Answer<Package> | undefined {
  const { maximum } = request
  const fresh = freshInOrder(stock.packages)
  const candidates = fresh.filter((pkg) => isAskedFor(pkg, request))
  const share = shareOf(stock, request, Math.min(maximum, candidates.length), policy, now)
  if (share === 'needs-known') return { stock, choice: { outcome: 'needs-known' } }
  const spent = candidates.slice(0, Math.min(maximum, share.fresh))
  const sharedBefore = sharedOf(stock.packages)
  const isUsedUp = share.fresh === 0 || fresh.length - spent.length === (sharedBefore === undefined ? 1 : 0)
  const toDeliver = sharedBefore ?? toShare(candidates.slice(spent.length))
  const isSharedToo =
    isUsedUp && spent.length < maximum && toDeliver !== undefined && isAskedFor(toDeliver, request)
  const shared = isSharedToo ? toDeliver : undefined
  const chosen = shared === undefined ? spent : [...spent, shared]
  if (chosen.length === 0) return undefined
  const freshTaken = chosen.filter(isFresh).length
  const left = stock.packages.filter((pkg) => !spent.includes(pkg))
  const after = withTakes(
    {
      ...stock,
      packages: withExposed(left, shared, now),
      deliveries: withDelivery(stock.deliveries, deliveryOf(spent, shared, request, policy, now)),
    },
    withTake(stock.takes, share, freshTaken, policy, now),
  )
  return { stock: after, choice: delivered(after, chosen, shared, freshTaken) }
}

function delivered<Package extends StockedPackage>(
  { packages: left }: Stock,
  packages: readonly Package[],
  shared: Package | undefined,
  freshTaken: number,
): Delivered<Package> {
  return {
    outcome: 'delivered',
    packages,
    remaining: left.filter(isFresh).length,
    sharedUsed: shared !== undefined,
    freshTaken,
    counted: true,
  }
}

function withExposed<Package extends StockedPackage>(
  packages: readonly Package[],
  shared: Package | undefined,
  now: number,
): readonly Package[] {
  return shared === undefined ? packages : packages.map((pkg) => (pkg === shared ? expose(pkg, now) : pkg))
}
