/** What `check` finds: one sentence about one thing, and what to do. */

type Topic = 'settings' | 'store' | 'relay' | 'address' | 'clock' | 'ports' | 'machine'

/**
 * - `ok`: it is as it should be.
 * - `warning`: it works, and may surprise the operator.
 * - `failed`: it has to be mended.
 * - `skipped`: it could not be looked at.
 */
export interface Finding {
  readonly topic: Topic
  readonly outcome: 'ok' | 'warning' | 'failed' | 'skipped'
  readonly text: string
  /** What to do about it. */
  readonly advice?: string
}

/** `1 author`, `2 authors`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** How long another machine may take to answer. */
export const PATIENCE_MS = 5_000
