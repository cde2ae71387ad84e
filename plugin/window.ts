/** Sliding windows: how much of a quota was used lately, and when there is room again. Pure. */

import type { Quota, QuotaOutcome } from './store.ts'

/** What was recorded, oldest first: a time in seconds since the epoch, and how much then. */
export type Window = readonly (readonly [at: number, cost: number])[]

/** A window as a store keeps it: from `keptUntil` on there is nothing in it. */
export interface KeptWindow {
  readonly window: Window
  readonly keptUntil: number
}

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

function secondsUntilRoom(window: Window, used: number, quota: Quota, now: number): number {
  let left = used
  for (const [at, cost] of window) {
    left -= cost
    if (left < quota.max) return Math.max(1, at + quota.windowSeconds - now)
  }
  return quota.windowSeconds
}
