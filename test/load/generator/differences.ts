/** Settings of a run that differ from the defaults: none usually; short lifetimes and windows for a soak, so that it reaches what it keeps up. */

import type { OptionsInput } from '../../../plugin/options.ts'

export interface Difference {
  readonly options: OptionsInput
  /** How long a KeyPackage can be used, where it is not as long as the client has it. */
  readonly lifetimeSeconds: number | undefined
  /** Whether packages are made before the run begins. */
  readonly reserve: 'ready' | 'none'
}

export const NOTHING_DIFFERS: Difference = { options: {}, lifetimeSeconds: undefined, reserve: 'ready' }

const WINDOW = { windowSeconds: 300 }

/** A package is kept for 150 s, and that it was used is remembered for 300 s, until a sweep: so it is all the same from there on. */
export const SHORT_LIVES: Difference = {
  options: {
    stock: { ttlSeconds: 150, retireAfterSeconds: 60 },
    sweepIntervalSeconds: 30,
    quota: {
      perAuthor: WINDOW,
      perAddress: WINDOW,
      perRequester: WINDOW,
      perAddressTotal: WINDOW,
      strangers: WINDOW,
      freshPerAddress: WINDOW,
      slotsPerRequester: WINDOW,
      slotsPerAddress: WINDOW,
      newAuthorsPerAddress: WINDOW,
      publish: WINDOW,
      publishPerAddress: WINDOW,
    },
  },
  lifetimeSeconds: 300,
  reserve: 'none',
}

/** As flags of the command line: `--stock-ttl-seconds 150`. */
export function flagsOf(options: object, path = '-'): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `${path}-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return typeof value === 'object' ? flagsOf(value, flag) : [flag, String(value)]
  })
}
