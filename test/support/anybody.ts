/** Options without the stranger rule (DESIGN section 6), for tests that it does not concern: all their clients share an address. */

import type { OptionsInput } from '../../plugin/options.ts'

export const ANYBODY: OptionsInput = {
  quota: { strangers: { max: 0 }, freshPerAddress: { max: 0 } },
  stock: { keep: 0, low: 3 },
}

/** The options over those; what they name themselves stands. */
export function forAnybody<Input extends OptionsInput>(options: Input): Input & OptionsInput {
  return {
    ...options,
    quota: { ...ANYBODY.quota, ...options.quota },
    stock: { ...ANYBODY.stock, ...options.stock },
  }
}
