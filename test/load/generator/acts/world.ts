/** What all acts share: the people, what they have seen, and chance. */

import type { EventId } from '../../../../plugin/nostr/messages.ts'
import type { EventAnswer } from '../device.ts'
import type { Journal } from '../journal.ts'
import { type Delivered, ONE_TIME } from '../judging/observations.ts'
import type { Policy } from '../judging/policy.ts'
import type { Meters } from '../meters.ts'
import type { Author, People } from '../people.ts'

export interface World {
  readonly people: People
  readonly journal: Journal
  readonly meters: Meters
  /** Seeded numbers from 0 to 1. */
  readonly fraction: () => number
  /** Authors whom the server has asked for packages. */
  readonly asked: Author[]
  /** Whether a relay is behind, which keeps what others say. */
  readonly relay: 'behind' | 'none'
  /** What the server promises. */
  readonly policy: Policy
  /** Key packages that the relay behind had before, and must show to nobody but their authors. */
  readonly buried: readonly EventId[]
  /** One-time packages that somebody got, or that were deleted. */
  readonly gone: Set<EventId>
}

/** What somebody does when it is due; the time is on the clock of `performance.now()`. */
export type Act = (world: World, dueAt: number) => Promise<void>

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

/** A time in seconds since the epoch, on the clock of `performance.now()`. */
export function onClock(seconds: number): number {
  return seconds * 1000 - performance.timeOrigin
}

export function oneOf<Value>(values: readonly Value[], fraction: () => number): Value {
  const value = values[Math.floor(fraction() * values.length)]
  if (value === undefined) throw new Error('there is nothing to choose from')
  return value
}

/** Several different ones, or all where there are not as many. */
export function someOf<Value>(values: readonly Value[], count: number, fraction: () => number): Value[] {
  if (count >= values.length) return [...values]
  const chosen = new Set<Value>()
  while (chosen.size < count) chosen.add(oneOf(values, fraction))
  return [...chosen]
}

/** Notes which packages are used by now, so that people publish where they are needed. */
export function noteTaken({ gone }: World, delivered: readonly Delivered[]): void {
  for (const { id, kind } of delivered) if (kind === ONE_TIME) gone.add(id)
}

/** The one-time packages that an author has, as far as anybody has seen. */
export function stockOf(author: Author, { gone, policy }: World): number {
  const from = nowSeconds() - policy.ttlSeconds
  return author.stored.filter(({ id, createdAt }) => createdAt > from && !gone.has(id)).length
}

/** Counts an answer to an EVENT: how long it took, or why it was refused. */
export function measure({ meters }: World, operation: string, dueAt: number, answer: EventAnswer): void {
  meters.ended(operation, dueAt, answer.outcome === 'lost' ? 'unknown' : 'answered')
  if (answer.outcome === 'refused') meters.failed(operation, reasonIn(answer.message))
}

/** The words of a refusal without what differs from one to the next. */
export function reasonIn(message: string): string {
  return message.replace(/\d+/g, 'N').slice(0, 60)
}
