/**
 * When what is done: Poisson arrivals, made before the clock starts and kept to whatever the server does (an open loop). What cannot be
 * done in time is late, and is not left out.
 */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

export interface Arrival<Act> {
  /** In milliseconds after the start. */
  readonly dueMs: number
  readonly act: Act
}

/**
 * @param rates how often a second, on average
 * @param fraction a seeded source of numbers from 0 to 1
 */
export function arrivalsOf<Act extends string>(
  rates: Readonly<Record<Act, number>>,
  seconds: number,
  fraction: () => number,
): Arrival<Act>[] {
  const acts = Object.entries(rates) as [Act, number][]
  const total = acts.reduce((sum, [, rate]) => sum + rate, 0)
  const arrivals: Arrival<Act>[] = []
  for (let at = gap(total, fraction); at < seconds; at += gap(total, fraction))
    arrivals.push({ dueMs: at * 1000, act: weighted(acts, fraction) })
  return arrivals
}

/** Until the next event of a Poisson process, in seconds. */
function gap(rate: number, fraction: () => number): number {
  return -Math.log(1 - fraction()) / rate
}

/** One of the values, by weight. */
function weighted<Value>(values: readonly (readonly [Value, number])[], fraction: () => number): Value {
  const total = values.reduce((sum, [, weight]) => sum + weight, 0)
  let left = fraction() * total
  for (const [value, weight] of values) {
    left -= weight
    if (left < 0) return value
  }
  const last = values.at(-1)
  if (last === undefined) throw new Error('there is nothing to choose from')
  return last[0]
}

/**
 * Begins each act when it is due, and resolves after the last.
 * @param begin is told when it was due, on the clock of `performance.now()`
 * @returns how late acts began, in microseconds: the generator's own share of every latency
 */
export function keepTo<Act>(
  arrivals: readonly Arrival<Act>[],
  begin: (act: Act, dueAt: number) => void,
): Promise<RecordableHistogram> {
  const lateness = createHistogram()
  const start = performance.now()
  let next = 0
  return new Promise((resolve) => {
    const turn = () => {
      for (;;) {
        const arrival = arrivals[next]
        if (arrival === undefined) return resolve(lateness)
        const dueAt = start + arrival.dueMs
        const now = performance.now()
        if (dueAt > now) return void setTimeout(turn, dueAt - now)
        next += 1
        lateness.record(Math.max(1, Math.round((now - dueAt) * 1000)))
        begin(arrival.act, dueAt)
      }
    }
    turn()
  })
}
