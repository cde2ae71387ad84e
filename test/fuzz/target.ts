/** What a fuzz target is: a part of the gateway that takes input from strangers, and what must hold whatever the input is. */

export interface Target {
  readonly name: string
  /** Valid input, and past findings in the words of the target. Each must pass. */
  readonly seeds: readonly Buffer[]
  /** What the part takes for special, so that the mutations hit it. */
  readonly words: readonly string[]
  /** Executions in `npm test`, where each target may take about a second. */
  readonly shortRun: number
  /** Gives the part one input. Rejects, or throws, where a promise is broken. */
  run(input: Buffer): Promise<void> | void
  /** Ends what the target has started. */
  close?(): Promise<void>
}

/** Input in lines, each of which is a JSON value. */
export function lines(...values: readonly unknown[]): Buffer {
  return Buffer.from(values.map((value) => JSON.stringify(value)).join('\n'))
}

/** The JSON values of the lines; a line that is none is left out. */
export function valuesIn(input: Buffer): unknown[] {
  return input
    .toString()
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as unknown]
      } catch {
        return []
      }
    })
}

/** @throws Error with what is broken, and what shows it */
export function demand(holds: boolean, broken: string, ...shown: readonly unknown[]): asserts holds {
  if (holds) return
  throw new Error([broken, ...shown.map((value) => JSON.stringify(value))].join('\n  '))
}
