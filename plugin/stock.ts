/**
 * The rules of one author's stock: what may come in, what is handed out, what is spent. Pure: state in, new
 * state and outcome out. Memory and LMDB call it inside their transaction; the Redis scripts mirror it.
 */

import type { EventId } from './nostr/messages.ts'
import { byAge, choose, isAskedFor, isFresh, isNewer, isSelected, isSlot } from './selection.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  PutOutcome,
  Quota,
  Selector,
  StockedPackage,
  StockLimits,
} from './store.ts'
import { hit, record, room, slide, type Window } from './window.ts'

/** How long a claim can be undone (`release`), in seconds: longer than any socket takes to say that it is gone. */
const RELEASE_SECONDS = 60

/** One author's packages, and the recent claims that can be repeated or undone. */
export interface Stock {
  readonly packages: readonly StockedPackage[]
  readonly deliveries: readonly Delivery[]
}

/** A claim that was answered, remembered until `keptUntil`. */
export interface Delivery {
  readonly requester: string
  readonly deliveredAt: number
  readonly keptUntil: number
  /** How often it was sent: once, and once more for each redelivery. */
  readonly times: number
  /** The packages it spent, as they were before. */
  readonly spent: readonly StockedPackage[]
  /** The last package, which it delivered and left in the stock. */
  readonly last?: EventId
}

/** The two windows that guard a claim: this requester's for this author, and its address's. */
export interface ClaimWindows {
  readonly requester: Window
  readonly address: Window
}

/** A `ClaimOutcome` before its events are fetched. */
export type Choice =
  | {
      readonly outcome: 'delivered'
      readonly packages: readonly StockedPackage[]
      readonly remaining: number
      readonly lastUsed: boolean
    }
  | { readonly outcome: 'none' }
  | Limited

type Limited = Extract<ClaimOutcome, { outcome: 'limited' }>

export const EMPTY_STOCK: Stock = { packages: [], deliveries: [] }

/**
 * Takes a package in. `published` is the author's publish window. `known` says whether the store remembers the
 * package's id or ref, in the stock or spent; it remembers both for all that comes out `stored` or `replaced`.
 */
export function offer(
  stock: Stock,
  published: Window,
  pkg: StockedPackage,
  known: boolean,
  limits: StockLimits,
  now: number,
): { stock: Stock; published: Window; outcome: PutOutcome } {
  const current = settle(stock, limits.retireAfterSeconds, now)
  if (current.packages.some(({ id, ref }) => id === pkg.id || ref === pkg.ref)) {
    return { stock, published, outcome: 'duplicate' }
  }
  if (known) return { stock, published, outcome: 'spent' }

  const counted = count(published, limits.publish, now)
  if (counted === undefined) return { stock, published, outcome: 'limited' }
  return { ...admit(current, pkg, limits), published: counted }
}

/** The publish window with one more in it; undefined where there is no room. */
function count(published: Window, quota: Quota | undefined, now: number): Window | undefined {
  if (quota === undefined) return published
  const { window, outcome } = hit(published, 1, quota, now)
  return outcome.granted === 0 ? undefined : window
}

function admit(
  current: Stock,
  pkg: StockedPackage,
  limits: StockLimits,
): { stock: Stock; outcome: PutOutcome } {
  const predecessor = current.packages.find((other) => isSlot(other) && other.slot === pkg.slot)
  if (predecessor !== undefined) {
    if (!isNewer(pkg, predecessor)) return { stock: current, outcome: 'stale' }
    return { stock: withPackage(without(current, [predecessor]), pkg), outcome: 'replaced' }
  }

  const rivals = current.packages.filter((other) => isSlot(other) === isSlot(pkg))
  if (rivals.length < limits.max) return { stock: withPackage(current, pkg), outcome: 'stored' }
  if (limits.overflow === 'reject') return { stock: current, outcome: 'full' }
  const evicted = rivals.sort(byAge).slice(0, rivals.length - limits.max + 1)
  return { stock: withPackage(without(current, evicted), pkg), outcome: 'stored' }
}

/** Hands out packages of a known author, and says what that does to the stock and the windows (DESIGN.md section 4). */
export function claim(
  stock: Stock,
  windows: ClaimWindows,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): { stock: Stock; windows: ClaimWindows; choice: Choice } {
  const current = settle(stock, policy.retireAfterSeconds, now)
  const requester = slide(windows.requester, policy.perAuthor.windowSeconds, now)
  const address = slide(windows.address, policy.perAddress.windowSeconds, now)
  const limited = longest(
    limitedBy('perAuthor', requester, policy, now),
    limitedBy('perAddress', address, policy, now),
  )
  if (limited !== undefined) return { stock, windows, choice: limited }
  const answer = redeliver(current, request, policy, now) ?? take(current, request, policy, now)
  return { ...answer, windows: { requester: record(requester, 1, now), address: record(address, 1, now) } }
}

/** Deletes what the selector names; it is spent, and a claim of it can no longer be repeated or undone. */
export function drop(stock: Stock, which: Selector, now: number): { stock: Stock; dropped: number } {
  const current = expire(stock, now)
  const after = withoutAny(current, (pkg) => isSelected(pkg, which))
  return { stock: after, dropped: current.packages.length - after.packages.length }
}

/** Takes out what was spent in another store, by event id or KeyPackageRef, as `drop` does. */
export function spend(stock: Stock, names: readonly string[], now: number): Stock {
  return withoutAny(expire(stock, now), ({ id, ref }) => names.includes(id) || names.includes(ref))
}

/** Undoes the newest claim of each package: one that was spent is in the stock again as it was before. */
export function release(stock: Stock, ids: readonly string[], now: number): Stock {
  const { packages, deliveries } = expire(stock, now)
  const undone = new Set(ids.map((id) => deliveries.findLast((delivery) => hasDelivered(delivery, id))))
  const restored = deliveries
    .filter((delivery) => undone.has(delivery) && delivery.times === 1)
    .flatMap(({ spent }) => spent.filter(({ id, expiresAt }) => ids.includes(id) && expiresAt > now))
  return {
    packages: [...packages.map((pkg) => (ids.includes(pkg.id) ? lessExposed(pkg) : pkg)), ...restored],
    deliveries: deliveries.flatMap((delivery) =>
      undone.has(delivery) ? lessDelivered(delivery, ids) : delivery,
    ),
  }
}

/** What is left once expired packages are spent, and claims too old to be repeated or undone are forgotten. */
export function expire(stock: Stock, now: number): Stock {
  const packages = kept(stock.packages, ({ expiresAt }) => expiresAt > now)
  const deliveries = kept(stock.deliveries, ({ keptUntil }) => keptUntil > now)
  if (packages === stock.packages && deliveries === stock.deliveries) return stock
  return { packages, deliveries }
}

/** What is left once exposed packages are spent that have `retireAfterSeconds` behind them and two fresh ones beside them. */
export function retire(stock: Stock, retireAfterSeconds: number, now: number): Stock {
  const isDone = ({ exposure }: StockedPackage) =>
    exposure !== undefined && exposure.since + retireAfterSeconds <= now
  if (!stock.packages.some(isDone) || !canRetire(stock)) return stock
  return { ...stock, packages: stock.packages.filter((pkg) => !isDone(pkg)) }
}

/** Whether a claim took from the stock and left fewer than `low`: then the author should hear of it. */
export function isLow<Outcome extends Choice | ClaimOutcome>(
  claimed: Outcome,
  low: number,
): claimed is Extract<Outcome, { outcome: 'delivered' }> {
  if (claimed.outcome !== 'delivered' || claimed.remaining >= low) return false
  return claimed.packages.some((pkg) => !isSlot(pkg))
}

/** Expiring, then retiring. */
export function settle(stock: Stock, retireAfterSeconds: number, now: number): Stock {
  return retire(expire(stock, now), retireAfterSeconds, now)
}

/** When `settle` will next have something to do, in seconds since the epoch; undefined where it never will. */
export function dueAt(stock: Stock, retireAfterSeconds: number): number | undefined {
  const times = [
    ...stock.packages.map(({ expiresAt }) => expiresAt),
    ...stock.deliveries.map(({ keptUntil }) => keptUntil),
  ]
  if (canRetire(stock)) {
    for (const { exposure } of stock.packages)
      if (exposure !== undefined) times.push(exposure.since + retireAfterSeconds)
  }
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Whether nothing is left in it, nor of it. */
export function isEmpty({ packages, deliveries }: Stock): boolean {
  return packages.length === 0 && deliveries.length === 0
}

/** The packages that `after` no longer needs in any way: their events can go. */
export function forgotten(before: Stock, after: Stock): EventId[] {
  if (before === after) return []
  const remembered = rememberedIds(after)
  return [...rememberedIds(before)].filter((id) => !remembered.has(id))
}

/** The packages that can still be handed out: those in the stock, and those that a release would bring back. */
export function rememberedIds({ packages, deliveries }: Stock): Set<EventId> {
  return new Set([...packages, ...deliveries.flatMap(({ spent }) => spent)].map(({ id }) => id))
}

function limitedBy(by: Limited['by'], window: Window, policy: ClaimPolicy, now: number): Limited | undefined {
  const { granted, retryAfterSeconds } = room(window, 1, policy[by], now)
  return granted === 0 ? { outcome: 'limited', by, retryAfterSeconds } : undefined
}

/** The quota that has to be waited for longest, if any has. */
function longest(one: Limited | undefined, other: Limited | undefined): Limited | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.retryAfterSeconds > one.retryAfterSeconds ? other : one
}

function redeliver(
  stock: Stock,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): { stock: Stock; choice: Choice } | undefined {
  const delivery = stock.deliveries.findLast(
    ({ requester, deliveredAt }) =>
      requester === request.requester && deliveredAt + policy.redeliverySeconds > now,
  )
  if (delivery === undefined) return undefined
  const last = stock.packages.find(({ id }) => id === delivery.last)
  const again = [...delivery.spent, ...(last === undefined ? [] : [last])].filter(
    (pkg) => pkg.expiresAt > now && isAskedFor(pkg, request),
  )
  if (again.length === 0) return undefined
  const after = {
    packages: stock.packages.map((pkg) => (pkg === last && again.includes(last) ? expose(last, now) : pkg)),
    deliveries: stock.deliveries.map((other) =>
      other === delivery ? { ...delivery, times: delivery.times + 1 } : other,
    ),
  }
  return { stock: after, choice: delivered(after, again, last !== undefined && again.includes(last)) }
}

function take(
  stock: Stock,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): { stock: Stock; choice: Choice } {
  const slots = stock.packages.filter((pkg) => isSlot(pkg) && isAskedFor(pkg, request))
  if (slots.length > 0) return { stock, choice: delivered(stock, slots, false) }
  const chosen = choose(stock.packages, request)
  if (chosen.length === 0) return { stock, choice: { outcome: 'none' } }

  const last = chosen.length === countSpendable(stock) ? chosen.at(-1) : undefined
  const spent = last === undefined ? chosen : chosen.slice(0, -1)
  const left = stock.packages.filter((pkg) => !spent.includes(pkg))
  const delivery = deliveryOf(spent, last, request, policy, now)
  const after = {
    packages: last === undefined ? left : left.map((pkg) => (pkg === last ? expose(pkg, now) : pkg)),
    deliveries: isWorthKeeping(delivery) ? [...stock.deliveries, delivery] : stock.deliveries,
  }
  return { stock: after, choice: delivered(after, chosen, last !== undefined) }
}

function deliveryOf(
  spent: readonly StockedPackage[],
  last: StockedPackage | undefined,
  { requester }: Claim,
  { redeliverySeconds }: ClaimPolicy,
  now: number,
): Delivery {
  const delivery = {
    requester,
    deliveredAt: now,
    keptUntil: now + Math.max(redeliverySeconds, RELEASE_SECONDS),
    times: 1,
    spent,
  }
  return last === undefined || redeliverySeconds === 0 ? delivery : { ...delivery, last: last.id }
}

function delivered(stock: Stock, packages: readonly StockedPackage[], lastUsed: boolean): Choice {
  return { outcome: 'delivered', packages, remaining: stock.packages.length, lastUsed }
}

/** A delivery once it was undone for `ids`: sent one time less, or without them where that was the only time. */
function lessDelivered(delivery: Delivery, ids: readonly string[]): Delivery[] {
  if (delivery.times > 1) return [{ ...delivery, times: delivery.times - 1 }]
  const { last, ...rest } = { ...delivery, spent: delivery.spent.filter(({ id }) => !ids.includes(id)) }
  const left = last === undefined || ids.includes(last) ? rest : { ...rest, last }
  return isWorthKeeping(left) ? [left] : []
}

function hasDelivered({ spent, last }: Delivery, id: string): boolean {
  return last === id || spent.some((pkg) => pkg.id === id)
}

function isWorthKeeping({ spent, last }: Delivery): boolean {
  return spent.length > 0 || last !== undefined
}

function expose(pkg: StockedPackage, now: number): StockedPackage {
  const { since, count } = pkg.exposure ?? { since: now, count: 0 }
  return { ...pkg, exposure: { since, count: count + 1 } }
}

function lessExposed(pkg: StockedPackage): StockedPackage {
  const { exposure, ...fresh } = pkg
  if (exposure === undefined || exposure.count === 1) return fresh
  return { ...fresh, exposure: { ...exposure, count: exposure.count - 1 } }
}

function canRetire({ packages }: Stock): boolean {
  return packages.filter(isFresh).length >= 2
}

function countSpendable({ packages }: Stock): number {
  return packages.filter((pkg) => !isSlot(pkg)).length
}

function withPackage(stock: Stock, pkg: StockedPackage): Stock {
  return { ...stock, packages: [...stock.packages, pkg] }
}

function without(stock: Stock, gone: readonly StockedPackage[]): Stock {
  return { ...stock, packages: stock.packages.filter((pkg) => !gone.includes(pkg)) }
}

function withoutAny(stock: Stock, isGone: (pkg: StockedPackage) => boolean): Stock {
  const packages = kept(stock.packages, (pkg) => !isGone(pkg))
  const deliveries = stock.deliveries.map((delivery) => ({
    ...delivery,
    spent: kept(delivery.spent, (pkg) => !isGone(pkg)),
  }))
  return { packages, deliveries: deliveries.filter(isWorthKeeping) }
}

/** `filter`, but the same array where nothing goes: an untouched stock stays identical. */
function kept<T>(items: readonly T[], predicate: (item: T) => boolean): readonly T[] {
  return items.every(predicate) ? items : items.filter(predicate)
}
