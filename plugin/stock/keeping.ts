/** What a store has to keep of a stock, and when it has to look at it again. Pure. */

import type { EventId } from '../nostr/messages.ts'
import { retirements } from './exposure.ts'
import type { Stock } from './stock.ts'

/** When `settle` will next have something to do, in seconds since the epoch; undefined where it never will. */
export function dueAt(stock: Stock, retireAfterSeconds: number): number | undefined {
  const times = [
    ...stock.packages.map(({ expiresAt }) => expiresAt),
    ...stock.deliveries.map(({ keptUntil }) => keptUntil),
    ...retirements(stock.packages, retireAfterSeconds),
  ]
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
