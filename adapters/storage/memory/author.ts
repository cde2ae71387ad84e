/** What a memory store remembers of one author, and for how long. */

import { isEmpty } from '../../../plugin/stock/keeping.ts'
import { EMPTY_STOCK, type Stock } from '../../../plugin/stock/stock.ts'
import type { KeptWindow, Window } from '../../../plugin/stock/windows.ts'
import type { KnownName, Quota } from '../../../plugin/store.ts'

/** The windows of one who claims packages of an author, as a requester and as an address. */
export interface Claimant {
  requester: KeptWindow | undefined
  address: KeptWindow | undefined
}

/** What is remembered of an author. Few are ever claimed, so room for claimants is made when that happens. */
export interface Author {
  stock: Stock
  /** Until when each event id and KeyPackageRef is known, in seconds since the epoch (I3). */
  readonly known: Map<KnownName['name'], number>
  published: KeptWindow | undefined
  claimants: Map<string, Claimant> | undefined
}

export function unknownAuthor(): Author {
  const nothing = { published: undefined, claimants: undefined }
  return { stock: EMPTY_STOCK, known: new Map(), ...nothing }
}

export function kept(window: Window, { windowSeconds }: Quota, now: number): KeptWindow {
  return { window, keptUntil: now + windowSeconds }
}

export function forgetExpired(author: Author, now: number): void {
  const isOver = (window: KeptWindow | undefined) => window === undefined || window.keptUntil <= now
  for (const [name, expiresAt] of author.known) if (expiresAt <= now) author.known.delete(name)
  for (const [who, { requester, address }] of author.claimants ?? []) {
    if (isOver(requester) && isOver(address)) author.claimants?.delete(who)
  }
  if (isOver(author.published)) author.published = undefined
}

/** Whether the store is again as if it had never heard of the author, but for windows that are still open. */
export function isForgotten({ stock, known }: Author): boolean {
  return known.size === 0 && isEmpty(stock)
}

export function hasNoWindow({ published, claimants }: Author): boolean {
  return published === undefined && !claimants?.size
}
