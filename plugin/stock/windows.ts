/** Sliding windows: how much of a quota was used lately, when there is room again, and the two that guard a claim. Pure. */

import type { ClaimOutcome, ClaimPolicy, Quota, QuotaOutcome } from '../store.ts'

/** What was recorded, oldest first: a time in seconds since the epoch, and how much then. */
export type Window = readonly (readonly [at: number, cost: number])[]

/** A window as a store keeps it: from `keptUntil` on there is nothing in it. */
export interface KeptWindow {
  readonly window: Window
  readonly keptUntil: number
}

/** This requester's claims of this author, and those from its address. */
export interface ClaimWindows {
  readonly requester: Window
  readonly address: Window
}

/** Which quota is used up, and for how long. */
export type Limited = Extract<ClaimOutcome, { outcome: 'limited' }>

/** Records as much of `cost` as the quota has room for. */
export function hit(
  window: Window,
  cost: number,
  quota: Quota,
  now: number,
): { window: Window; outcome: QuotaOutcome } {
  const slid = slide(window, quota.windowSeconds, now)
  const outcome = room(slid, cost, quota, now)
  if (outcome.granted === 0) return { window, outcome }
  return { window: record(slid, outcome.granted, now), outcome }
}

/** The window without what fell out of it. */
export function slide(window: Window, windowSeconds: number, now: number): Window {
  const first = window.findIndex(([at]) => at > now - windowSeconds)
  if (first === 0) return window
  return first === -1 ? [] : window.slice(first)
}

/** How much of `cost` there is room for in a window that was slid to `now`. */
export function room(window: Window, cost: number, quota: Quota, now: number): QuotaOutcome {
  let used = 0
  for (const [, spent] of window) used += spent
  const granted = Math.max(0, Math.min(cost, quota.max - used))
  if (granted === cost) return { granted, retryAfterSeconds: 0 }
  return { granted, retryAfterSeconds: secondsUntilRoom(window, used, quota, now) }
}

/** The window with `cost` more in it. */
export function record(window: Window, cost: number, now: number): Window {
  const last = window.at(-1)
  if (last === undefined || last[0] < now) return [...window, [now, cost]]
  return [...window.slice(0, -1), [last[0], last[1] + cost]]
}

/** The windows with one more claim in them; where one has no room, which of them has to be waited for longest (I5). */
export function countClaim(windows: ClaimWindows, policy: ClaimPolicy, now: number): ClaimWindows | Limited {
  const requester = slide(windows.requester, policy.perAuthor.windowSeconds, now)
  const address = slide(windows.address, policy.perAddress.windowSeconds, now)
  const limited = longest(
    limitedBy('perAuthor', requester, policy, now),
    limitedBy('perAddress', address, policy, now),
  )
  return limited ?? { requester: record(requester, 1, now), address: record(address, 1, now) }
}

function secondsUntilRoom(window: Window, used: number, quota: Quota, now: number): number {
  let left = used
  for (const [at, cost] of window) {
    left -= cost
    if (left < quota.max) return Math.max(1, at + quota.windowSeconds - now)
  }
  return quota.windowSeconds
}

function limitedBy(by: Limited['by'], window: Window, policy: ClaimPolicy, now: number): Limited | undefined {
  const { granted, retryAfterSeconds } = room(window, 1, policy[by], now)
  return granted === 0 ? { outcome: 'limited', by, retryAfterSeconds } : undefined
}

function longest(one: Limited | undefined, other: Limited | undefined): Limited | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.retryAfterSeconds > one.retryAfterSeconds ? other : one
}
