/** The last hour as the server counted it, and the lines that are drawn of it. */

import type { Sample } from '../../history.ts'

export type { Sample }

export interface History {
  readonly intervalSeconds: number
  readonly samples: readonly Sample[]
}

/** One line of a chart; a null is a gap. */
export interface Line {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** Its place among the colours, the same whichever others are drawn. */
  readonly colour: number
}

const MINUTE = 60

/** Plain words for outcomes; what is not here is shown as the server calls it. */
const WORDS: Readonly<Record<string, string>> = {
  delivered: 'Delivered',
  shared: 'Shared package',
  slots: 'Slots',
  none: 'Nothing there',
  limited: 'Over a limit',
  unavailable: 'Store unavailable',
  stored: 'Stored',
  replaced: 'Replaced in its slot',
  duplicate: 'Already known',
  spent: 'Already used',
  stale: 'Older than its slot',
  deleted: 'Deleted before',
  full: 'Stock full',
  refused: 'Refused',
}

/**
 * A line for each outcome that occurred: how often within the minute before each sample.
 * @param known outcomes in the order of their colours; the first is drawn even if it never occurred
 */
export function linesPerMinute(
  { samples, intervalSeconds }: History,
  of: 'claims' | 'publishes' | 'refusals',
  known: readonly string[],
): Line[] {
  const occurred = new Set(
    samples.flatMap((sample) => Object.keys(sample[of]).filter((key) => sample[of][key] !== 0)),
  )
  const others = [...occurred].filter((key) => !known.includes(key)).sort()
  return [...known, ...others].flatMap((key, colour) => {
    if (!occurred.has(key) && colour > 0) return []
    const counts = samples.map((sample) => sample[of][key] ?? 0)
    return [{ label: WORDS[key] ?? key, colour, values: perMinute(counts, intervalSeconds) }]
  })
}

/** The sum of the minute before each sample; at the start, of what there is. */
function perMinute(counts: readonly number[], intervalSeconds: number): number[] {
  const width = Math.max(1, Math.round(MINUTE / intervalSeconds))
  let sum = 0
  return counts.map((count, index) => {
    sum += count - (index >= width ? (counts[index - width] ?? 0) : 0)
    return intervalSeconds > MINUTE ? (sum * MINUTE) / intervalSeconds : sum
  })
}

/** How often anything happened in the last minute. */
export function lastMinute(history: History, of: 'claims' | 'publishes' | 'refusals'): number {
  const totals = history.samples.map((sample) =>
    Object.values(sample[of]).reduce((sum, count) => sum + count, 0),
  )
  return perMinute(totals, history.intervalSeconds).at(-1) ?? 0
}
