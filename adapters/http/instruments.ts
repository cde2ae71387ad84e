/** Makes gauges, counters and histograms with the prefix, the buckets and the zeros that all metrics here have. */

import { Counter, Gauge, type GaugeConfiguration, Histogram, type Registry } from 'prom-client'

/** What every name begins with. */
export const PREFIX = 'keypackage_gateway_'

/** The upper bounds of the buckets, in seconds. */
const DURATIONS = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]

export class Instruments {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** A value that is read each time that somebody reads the metrics, or set. */
  gauge<Label extends string>(
    name: string,
    help: string,
    collect: (gauge: Gauge<Label>) => void | Promise<void> = () => {},
    more: Pick<GaugeConfiguration<Label>, 'labelNames' | 'aggregator'> = {},
  ): Gauge<Label> {
    return new Gauge({
      ...more,
      name: PREFIX + name,
      help,
      registers: [this.#registry],
      collect() {
        return collect(this)
      },
    })
  }

  histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Histogram<Label> {
    return new Histogram({
      name: PREFIX + name,
      help,
      labelNames,
      buckets: DURATIONS,
      registers: [this.#registry],
    })
  }

  /** A counter with one label, and a function for each of its values, which counts one more. All of them are shown from 0. */
  counters<Value extends string>(
    name: string,
    help: string,
    label: string,
    values: readonly Value[],
  ): Readonly<Record<Value, () => void>> {
    const counter = new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      labelNames: [label],
      registers: [this.#registry],
    })
    const children = values.map((value) => {
      const child = counter.labels(value)
      child.inc(0)
      return [value, () => child.inc()] as const
    })
    return Object.fromEntries(children) as Record<Value, () => void>
  }
}
