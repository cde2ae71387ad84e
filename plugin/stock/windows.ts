/** Sliding windows: how much of a quota is used, when there is room again, and the two windows that limit a claim. Pure. */

import type { ClaimPolicy, CountedClaim, LimitedClaim, Quota, QuotaOutcome } from '../store.ts'

/** What was recorded, oldest first: the time in seconds since the epoch, and the cost. */
export type Window = readonly (readonly [at: number, cost: number])[]

/** A window as a store keeps it; it is empty from `keptUntil` on. */
export interface KeptWindow {
  readonly window: Window
  readonly keptUntil: number
}

/** The windows of this requester, and of its address, for this author; undefined if the store has none. */
export interface ClaimWindows {
  readonly requester: KeptWindow | undefined
  readonly address: KeptWindow | undefined
}

/** Both windows with a claim counted; they replace the old ones. */
export interface CountedWindows extends ClaimWindows {
  readonly requester: KeptWindow
  readonly address: KeptWindow
}

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

/** Counts one more claim in both windows. If one has no room, returns the limit with the longest wait (I5). */
export function countClaim(
  windows: ClaimWindows,
  policy: ClaimPolicy,
  now: number,
): CountedWindows | LimitedClaim {
  const requester = slide(windows.requester?.window ?? [], policy.perAuthor.windowSeconds, now)
  const address = slide(windows.address?.window ?? [], policy.perAddress.windowSeconds, now)
  const limited = longest(
    limitedBy('perAuthor', requester, policy, now),
    limitedBy('perAddress', address, policy, now),
  )
  if (limited !== undefined) return limited
  return {
    requester: keep(requester, 1, policy.perAuthor, now),
    address: keep(address, 1, policy.perAddress, now),
  }
}

/** Gives back what a claim counted in both windows. */
export function uncountClaim({ requester, address }: ClaimWindows, counted: CountedClaim): ClaimWindows {
  const { policy, at } = counted
  return {
    requester: refund(requester, 1, policy.perAuthor, at),
    address: refund(address, 1, policy.perAddress, at),
  }
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

function limitedBy(
  by: 'perAuthor' | 'perAddress',
  window: Window,
  policy: ClaimPolicy,
  now: number,
): LimitedClaim | undefined {
  const { granted, retryAfterSeconds } = room(window, 1, policy[by], now)
  return granted === 0 ? { outcome: 'limited', by, retryAfterSeconds } : undefined
}

function longest(one: LimitedClaim | undefined, other: LimitedClaim | undefined): LimitedClaim | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.retryAfterSeconds > one.retryAfterSeconds ? other : one
}
