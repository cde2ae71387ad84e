/** One line of `npm run bench`: a figure, what it is measured against in the same run, and its budget. */
export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** In the same unit. */
  readonly baseline: number
  readonly baselineName: string
  readonly ratio: number
  /** In words, as in `at most 2 times the baseline`. */
  readonly budget: string
  readonly inside: boolean
}
