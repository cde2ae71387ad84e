/** How long operations took, and which went wrong, by operation. */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Claimed } from './judging/observations.ts'

/** Percentiles in milliseconds. */
export interface Latency {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export class Meters {
  readonly #latencies = new Map<string, RecordableHistogram>()
  readonly #errors = new Map<string, number>()
  readonly #counts = new Map<string, number>()

  /** An operation was answered now that was due then (on the clock of `performance.now()`). */
  answered(operation: string, dueAt: number): void {
    const histogram = this.#latencies.get(operation) ?? createHistogram()
    this.#latencies.set(operation, histogram)
    histogram.record(Math.max(1, Math.round((performance.now() - dueAt) * 1000)))
  }

  /** A request has ended; `unknown`: because the connection was lost. */
  ended(operation: string, dueAt: number, outcome: Claimed['outcome']): void {
    if (outcome === 'unknown') this.failed(operation, 'lost')
    else this.answered(operation, dueAt)
  }

  /** @param why the prefix of the server's words, or `lost` */
  failed(operation: string, why: string): void {
    increase(this.#errors, `${operation}: ${why}`)
  }

  count(what: string, by = 1): void {
    increase(this.#counts, what, by)
  }

  counted(what: string): number {
    return this.#counts.get(what) ?? 0
  }

  get latencies(): ReadonlyMap<string, Latency> {
    const sorted = [...this.#latencies].sort(([one], [other]) => (one < other ? -1 : 1))
    return new Map(sorted.map(([operation, histogram]) => [operation, latencyIn(histogram)]))
  }

  get errors(): ReadonlyMap<string, number> {
    return new Map([...this.#errors].sort(([one], [other]) => (one < other ? -1 : 1)))
  }
}

/** Of a histogram in microseconds. */
export function latencyIn(histogram: RecordableHistogram): Latency {
  const at = (percentile: number) => histogram.percentile(percentile) / 1000
  return {
    count: histogram.count,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: histogram.max / 1000,
  }
}

function increase(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}
