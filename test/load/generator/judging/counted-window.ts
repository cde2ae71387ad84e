/** A quota's window as it was seen from outside, and whether more happened in it than the quota allows. */

import type { Quota } from '../../../../plugin/store.ts'
import type { Interval, Violation } from './observations.ts'

/** The server counts in whole seconds. */
const SECONDS_TOLERATED = 2

export interface CountedWindow {
  /** Which quota, and whose. */
  readonly name: string
  readonly quota: Quota
  readonly events: readonly Interval[]
}

/** One more than fits lies within the window, whenever each of them happened between its question and its answer. */
export function excessOf({ name, quota, events }: CountedWindow): Violation[] {
  const { max, windowSeconds } = quota
  const windowMs = (windowSeconds - SECONDS_TOLERATED) * 1000
  const sorted = events.toSorted((a, b) => a.sentAt - b.sentAt)
  for (let first = 0; first + max < sorted.length; first++) {
    const within = sorted.slice(first, first + max + 1)
    const at = Math.max(...within.map(({ answeredAt }) => answeredAt))
    if (at - (within[0]?.sentAt ?? 0) >= windowMs) continue
    return [{ invariant: 'I5', what: `more than ${max} in ${windowSeconds} s of ${name}`, at }]
  }
  return []
}
