/** Measures two things in turns, so that other load on the machine affects both alike. */

export interface Medians {
  readonly value: number
  readonly baseline: number
}

/** Runs each of the two once a round, the baseline first in every other, and takes the median of each. */
export async function alternate(
  rounds: number,
  measure: (round: number) => Promise<number>,
  measureBaseline: (round: number) => Promise<number>,
): Promise<Medians> {
  const values: number[] = []
  const baselines: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) values.push(await measure(round))
    baselines.push(await measureBaseline(round))
    if (round % 2 === 1) values.push(await measure(round))
  }
  return { value: median(values), baseline: median(baselines) }
}

/** Calls a second, with a given number in flight. */
export async function callsPerSecond(
  calls: number,
  inFlight: number,
  call: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0
  const lane = async () => {
    while (next < calls) await call(next++)
  }
  const microseconds = await microsecondsOf(() => Promise.all(Array.from({ length: inFlight }, lane)))
  return (calls / microseconds) * 1e6
}

export async function microsecondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - start) / 1000
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
