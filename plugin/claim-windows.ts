/** The two quotas that guard a claim of one author, and the windows that count for them. Pure. */

import type { ClaimOutcome, ClaimPolicy } from './store.ts'
import { record, room, slide, type Window } from './window.ts'

/** This requester's claims of this author, and those from its address. */
export interface ClaimWindows {
  readonly requester: Window
  readonly address: Window
}

/** Which quota is used up, and for how long. */
export type Limited = Extract<ClaimOutcome, { outcome: 'limited' }>

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

function limitedBy(by: Limited['by'], window: Window, policy: ClaimPolicy, now: number): Limited | undefined {
  const { granted, retryAfterSeconds } = room(window, 1, policy[by], now)
  return granted === 0 ? { outcome: 'limited', by, retryAfterSeconds } : undefined
}

function longest(one: Limited | undefined, other: Limited | undefined): Limited | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.retryAfterSeconds > one.retryAfterSeconds ? other : one
}
