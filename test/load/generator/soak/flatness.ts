/**
 * Whether something that was measured again and again stopped growing. The first half of the samples is for caches to fill and windows
 * to be reached. Of the second half, the lowest value of each tenth counts, because memory rises until it is collected; a line is
 * fitted through these.
 */

export interface Sample {
  /** In seconds. */
  readonly at: number
  readonly value: number
}

/** What may come of chance: a share of the mean, and at least so much. */
export interface Tolerance {
  readonly share: number
  readonly least: number
}

export interface Flatness {
  readonly first: number
  /** The mean of the lowest values in the second half. */
  readonly mean: number
  /** By how much the line rises from the beginning to the end of the second half; negative if it falls. */
  readonly growth: number
  readonly tolerated: number
  readonly isFlat: boolean
}

const BUCKETS = 10

/** @throws Error where there are too few samples to say anything */
export function flatnessOf(samples: readonly Sample[], { share, least }: Tolerance): Flatness {
  const half = samples.slice(Math.floor(samples.length / 2))
  if (half.length < BUCKETS) throw new Error(`${samples.length} samples are too few`)
  const lowest = lowestOfEach(half)
  const mean = average(lowest.map(({ value }) => value))
  const growth = slopeOf(lowest) * ((half.at(-1)?.at ?? 0) - (half[0]?.at ?? 0))
  const tolerated = Math.max(least, share * mean)
  return { first: samples[0]?.value ?? 0, mean, growth, tolerated, isFlat: growth <= tolerated }
}

function lowestOfEach(samples: readonly Sample[]): Sample[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => {
    const from = Math.floor((bucket * samples.length) / BUCKETS)
    const until = Math.floor(((bucket + 1) * samples.length) / BUCKETS)
    return samples.slice(from, until).reduce((one, other) => (other.value < one.value ? other : one))
  })
}

/** Of the line of least squares, for one unit of time. */
function slopeOf(samples: readonly Sample[]): number {
  const [time, value] = [average(samples.map(({ at }) => at)), average(samples.map((each) => each.value))]
  const products = samples.map((each) => (each.at - time) * (each.value - value))
  return average(products) / average(samples.map(({ at }) => (at - time) ** 2))
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
