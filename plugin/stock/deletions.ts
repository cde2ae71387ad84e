/** The deletions that are remembered of one author, so that what they cover is not stored when it arrives later (I3). Pure. */

import type { Deletion, Deletions, StockedPackage } from '../store.ts'
import { isOver } from './windows.ts'

/** Maximum of deletions remembered of one author: anybody can delete ids and slots that never existed (I9). */
export const MAX_DELETED_IDS = 1000
export const MAX_DELETED_SLOTS = 100

export const NO_DELETIONS: Deletions = { ids: [], slots: [] }

/** Whether a package that arrives now was deleted before. */
export function isDeleted(
  deletions: Deletions = NO_DELETIONS,
  { id, slot, createdAt }: StockedPackage,
  now: number,
): boolean {
  const { ids, slots, everything } = deletions
  if (ids.some(([deleted, keptUntil]) => deleted === id && !isOver(keptUntil, now))) return true
  const covers = (createdUntil: number, keptUntil: number) =>
    createdAt <= createdUntil && !isOver(keptUntil, now)
  return (
    slots.some(([deleted, createdUntil, keptUntil]) => deleted === slot && covers(createdUntil, keptUntil)) ||
    (everything !== undefined && covers(...everything))
  )
}

/** What a deletion adds: ids that are known already need not be remembered, because their packages never come back. */
export function deletionsIn(deletion: Deletion, isKnown: (id: string) => boolean, now: number): Deletions {
  const { ids = [], slots = [], everything = false, createdUntil, keptUntil } = deletion
  if (isOver(keptUntil, now)) return NO_DELETIONS
  return {
    ids: ids.filter((id) => !isKnown(id)).map((id) => [id, keptUntil] as const),
    slots: slots.map((slot) => [slot, createdUntil, keptUntil] as const),
    ...(everything && { everything: [createdUntil, keptUntil] as const }),
  }
}

/** Both together; undefined if there are none. What is remembered of one id or slot, or of everything, is never shortened. */
export function merged(one: Deletions | undefined, other: Deletions): Deletions | undefined {
  const { ids, slots, everything } = one ?? NO_DELETIONS
  const byId = new Map(ids)
  const bySlot = new Map(slots.map(([slot, ...times]): [string, Times] => [slot, times]))
  for (const [id, keptUntil] of other.ids) byId.set(id, Math.max(keptUntil, byId.get(id) ?? 0))
  for (const [slot, ...times] of other.slots) bySlot.set(slot, later(bySlot.get(slot), times))
  const all = other.everything === undefined ? everything : later(everything, other.everything)
  return unlessEmpty({
    ids: [...byId],
    slots: [...bySlot].map(([slot, times]) => [slot, ...times] as const),
    ...(all && { everything: all }),
  })
}

/**
 * Whether there are more than can be remembered. What was taken over from other stores may exceed that already: it then blocks
 * only deletions that would add to it.
 */
export function areTooMany(after: Deletions = NO_DELETIONS, before: Deletions = NO_DELETIONS): boolean {
  return (
    after.ids.length > Math.max(MAX_DELETED_IDS, before.ids.length) ||
    after.slots.length > Math.max(MAX_DELETED_SLOTS, before.slots.length)
  )
}

/** Those that still matter: the same object if all do, undefined if none does. */
export function currentDeletions(deletions: Deletions | undefined, now: number): Deletions | undefined {
  if (deletions === undefined || timesOf(deletions).every((keptUntil) => !isOver(keptUntil, now)))
    return deletions
  const { ids, slots, everything } = deletions
  return unlessEmpty({
    ids: ids.filter(([, keptUntil]) => !isOver(keptUntil, now)),
    slots: slots.filter(([, , keptUntil]) => !isOver(keptUntil, now)),
    ...(everything && !isOver(everything[1], now) && { everything }),
  })
}

/** Until when each is kept, in seconds since the epoch. */
export function timesOf({ ids, slots, everything }: Deletions): number[] {
  return [
    ...ids.map(([, keptUntil]) => keptUntil),
    ...slots.map(([, , keptUntil]) => keptUntil),
    ...(everything === undefined ? [] : [everything[1]]),
  ]
}

type Times = readonly [createdUntil: number, keptUntil: number]

function later(one: Times | undefined, [createdUntil, keptUntil]: Times): Times {
  if (one === undefined) return [createdUntil, keptUntil]
  return [Math.max(one[0], createdUntil), Math.max(one[1], keptUntil)]
}

function unlessEmpty(deletions: Deletions): Deletions | undefined {
  const { ids, slots, everything } = deletions
  return ids.length === 0 && slots.length === 0 && everything === undefined ? undefined : deletions
}
