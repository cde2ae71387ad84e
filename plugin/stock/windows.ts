/** Sliding windows: how much of a quota is used, when there is room again, and the windows that limit a claim. Pure. */

import { forNetwork } from '../nostr/requester.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  LimitedClaim,
  Quota,
  QuotaOutcome,
} from '../store.ts'
import { isForSlotsAlone } from './selection.ts'

/** What was recorded, oldest first: the time in seconds since the epoch, and the cost. */
export type Window = readonly (readonly [at: number, cost: number])[]

/** A window as a store keeps it; it is empty from `keptUntil` on. */
export interface KeptWindow {
  readonly window: Window
  readonly keptUntil: number
}

/** One of an author's claim windows, named by whose claims it counts. */
export type WindowName = `${'requester' | 'address' | 'network'} ${string}`

/** An author's claim windows, as a store looks them up; undefined: the store has none of this name. */
export type WindowOf = (name: WindowName) => KeptWindow | undefined

/** The windows that change, with their new value; undefined: nothing is left in it. */
export type ChangedWindows = ReadonlyMap<WindowName, KeptWindow | undefined>

/** A claim window, its quota, and what a claim is limited by when it has no room. */
interface Counter {
  readonly name: WindowName
  readonly quota: Quota
  readonly by: 'perAuthor' | 'perAddress'
}

/** Whose claims a claim is counted with. */
type Claimant = Pick<Claim, 'requester' | 'address' | 'network'>

/**
 * `KeyPackageStore.hit`: records as much of `cost` as the quota has room for. Returns the same window if nothing was
 * granted.
 */
export function hit(
  window: KeptWindow | undefined,
  cost: number,
  quota: Quota,
  now: number,
): { window: KeptWindow | undefined; outcome: QuotaOutcome } {
  const slid = slide(window?.window ?? [], quota.windowSeconds, now)
  const outcome = room(slid, cost, quota, now)
  if (outcome.granted === 0) return { window, outcome }
  return { window: keep(slid, outcome.granted, quota, now), outcome }
}

/**
 * `KeyPackageStore.refund`: the window without up to `cost` of what `hit` recorded until `now`, newest first. The same
 * window where there is nothing to undo, undefined where nothing is left in it.
 *
 * Records later than `now` belong to others: without them the window would have room earlier than it may (I5).
 */
export function refund(
  window: KeptWindow | undefined,
  cost: number,
  { windowSeconds }: Quota,
  now: number,
): KeptWindow | undefined {
  if (window === undefined) return undefined
  let left = cost
  const kept: Window[number][] = []
  for (const [at, spent] of slide(window.window, windowSeconds, now).toReversed()) {
    const undone = at > now ? 0 : Math.min(spent, left)
    left -= undone
    if (undone < spent) kept.push([at, spent - undone])
  }
  if (left === cost) return window
  return kept.length === 0 ? undefined : { window: kept.reverse(), keptUntil: window.keptUntil }
}

/** Whether a window or a remembered name that is kept until `keptUntil` can be deleted. */
export function isOver(keptUntil: number, now: number): boolean {
  return keptUntil <= now
}

/** The window without entries that are too old. */
export function slide(window: Window, windowSeconds: number, now: number): Window {
  const first = window.findIndex(([at]) => at > now - windowSeconds)
  if (first === 0) return window
  return first === -1 ? [] : window.slice(first)
}

/** How much of `cost` fits into a window that was slid to `now`. */
export function room(window: Window, cost: number, quota: Quota, now: number): QuotaOutcome {
  let used = 0
  for (const [, spent] of window) used += spent
  const granted = Math.max(0, Math.min(cost, quota.max - used))
  if (granted === cost) return { granted, retryAfterSeconds: 0 }
  return { granted, retryAfterSeconds: secondsUntilRoom(window, used, quota, now) }
}

/** The window with `cost` added. */
export function record(window: Window, cost: number, now: number): Window {
  const last = window.at(-1)
  if (last === undefined || last[0] < now) return [...window, [now, cost]]
  return [...window.slice(0, -1), [last[0], last[1] + cost]]
}

/** Counts one more claim of the author. If a window has no room, returns the limit with the longest wait (I5). */
export function countClaim(
  windowOf: WindowOf,
  claimant: Claimant,
  policy: ClaimPolicy,
  now: number,
): ChangedWindows | LimitedClaim {
  const changed = new Map<WindowName, KeptWindow>()
  const limits: LimitedClaim[] = []
  for (const { name, quota, by } of countersOf(claimant, policy)) {
    const slid = slide(windowOf(name)?.window ?? [], quota.windowSeconds, now)
    const { granted, retryAfterSeconds } = room(slid, 1, quota, now)
    if (granted === 0) limits.push({ outcome: 'limited', by, retryAfterSeconds })
    else changed.set(name, keep(slid, 1, quota, now))
  }
  const [first, ...others] = limits
  return first === undefined ? changed : others.reduce(longer, first)
}

/** What a claim counted in its author's windows, for `uncountClaim`; undefined if nothing. */
export function countedOf(
  claim: Claim,
  outcome: ClaimOutcome,
  policy: ClaimPolicy,
  at: number,
): CountedClaim | undefined {
  if (outcome.outcome !== 'delivered' || !outcome.counted || isForSlotsAlone(claim)) return undefined
  const { requester, address, network } = claim
  const { freshTaken } = outcome
  return { requester, address, ...(network !== undefined && { network }), policy, freshTaken, at }
}

/** Gives back what a claim counted. */
export function uncountClaim(windowOf: WindowOf, counted: CountedClaim): ChangedWindows {
  const { policy, at } = counted
  return new Map(
    countersOf(counted, policy).map(({ name, quota }) => [name, refund(windowOf(name), 1, quota, at)]),
  )
}

/** The windows that a claim is counted in. */
export function windowsOf({ requester, address, network }: Claimant): WindowName[] {
  const ofAddress: WindowName[] = [`requester ${requester}`, `address ${address}`]
  return network === undefined ? ofAddress : [...ofAddress, `network ${network}`]
}

function countersOf(claimant: Claimant, { perAuthor, perAddress }: ClaimPolicy): Counter[] {
  const quotas = [perAuthor, perAddress, forNetwork(perAddress)]
  return windowsOf(claimant).map((name, index) => {
    return { name, quota: quotas[index] ?? perAddress, by: index === 0 ? 'perAuthor' : 'perAddress' }
  })
}

function keep(slid: Window, cost: number, { windowSeconds }: Quota, now: number): KeptWindow {
  return { window: record(slid, cost, now), keptUntil: now + windowSeconds }
}

function secondsUntilRoom(window: Window, used: number, quota: Quota, now: number): number {
  let left = used
  for (const [at, cost] of window) {
    left -= cost
    if (left < quota.max) return Math.max(1, at + quota.windowSeconds - now)
  }
  return quota.windowSeconds
}

function longer(one: LimitedClaim, other: LimitedClaim): LimitedClaim {
  return other.retryAfterSeconds > one.retryAfterSeconds ? other : one
}
