/** Settings of a run that differ from the defaults: none usually; short lifetimes and windows for a soak, so that it reaches what it keeps up. */

import type { OptionsInput } from '../../../plugin/options.ts'

export interface Difference {
  readonly flags: readonly string[]
  readonly options: OptionsInput
  /** How long a package is kept after it was created. */
  readonly ttlSeconds: number
  /** Whether packages are made before the run begins. */
  readonly reserve: 'ready' | 'none'
}

const DAY = 86_400

export const NOTHING_DIFFERS: Difference = { flags: [], options: {}, ttlSeconds: 90 * DAY, reserve: 'ready' }
