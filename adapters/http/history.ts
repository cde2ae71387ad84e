/** The last hour of the metrics, for the operator's page: a sample every ten seconds, of what happened since the one before. */

import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import { PREFIX } from './instruments.ts'

type Metric = MetricObjectWithValues<MetricValue<string>>
type Counts = Readonly<Record<string, number>>

/** What happened in one interval, and how things stood at its end. */
export interface Sample {
  /** The end of the interval, in seconds since the epoch. */
  readonly at: number
  readonly claims: Counts
  readonly publishes: Counts
  /** By the prefix of NIP-01. */
  readonly refusals: Counts
  readonly connections: number
  /** Null before the first survey of the stock has ended. */
  readonly authors: number | null
  readonly lowAuthors: number | null
  readonly outAuthors: number | null
  /** How long claims and publishes took in the store, in milliseconds; null where there were none. */
  readonly storeMs: { readonly p50: number | null; readonly p99: number | null }
}

export interface HistorySettings {
  /** The metrics as they are now, such as `registry.getMetricsAsJSON()`. */
  readonly read: () => Promise<readonly Metric[]>
  /** Seconds since the epoch. */
  readonly now: () => number
  /** Samples that were taken before, the oldest first. */
  readonly earlier?: readonly Sample[]
}

export const INTERVAL_SECONDS = 10
const KEPT_SAMPLES = 3600 / INTERVAL_SECONDS

export class History {
  readonly intervalSeconds = INTERVAL_SECONDS
  readonly #settings: HistorySettings
  readonly #samples: Sample[]
  #before: Reading | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(settings: HistorySettings) {
    this.#settings = settings
    this.#samples = [...(settings.earlier ?? [])]
  }

  /** The oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples
  }

  /** Takes samples until `stop`. Its timer does not keep the process running. */
  start(): void {
    void this.take()
    this.#timer = setInterval(() => void this.take(), INTERVAL_SECONDS * 1000).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Takes a sample; the first time, only what later ones are compared with. Metrics that cannot be read are left out. */
  async take(): Promise<void> {
    const { read, now } = this.#settings
    const metrics = await read().catch(() => undefined)
    if (metrics === undefined) return
    const reading = new Reading(metrics)
    const before = this.#before
    this.#before = reading
    if (before === undefined) return
    this.#samples.push(sampleOf(reading, before, now()))
    if (this.#samples.length > KEPT_SAMPLES) this.#samples.shift()
  }
}

function sampleOf(reading: Reading, before: Reading, at: number): Sample {
  const since = (name: string, label: string) => difference(reading.by(name, label), before.by(name, label))
  const storeTimes = (reading: Reading) =>
    reading.by(
      'store_call_duration_seconds',
      'le',
      ({ operation }) => operation === 'claim' || operation === 'put',
    )
  const buckets = difference(storeTimes(reading), storeTimes(before))
  return {
    at,
    claims: since('claims_total', 'outcome'),
    publishes: since('publishes_total', 'outcome'),
    refusals: since('refusals_total', 'reason'),
    connections: reading.value('connections') ?? reading.value('sessions') ?? 0,
    authors: reading.value('authors') ?? null,
    lowAuthors: reading.value('authors_low') ?? null,
    outAuthors: reading.value('authors_out') ?? null,
    storeMs: { p50: quantile(0.5, buckets), p99: quantile(0.99, buckets) },
  }
}

/** The metrics of one moment: copies, because the registry goes on counting in what it has returned. */
class Reading {
  readonly #values: ReadonlyMap<string, readonly MetricValue<string>[]>

  constructor(metrics: readonly Metric[]) {
    this.#values = new Map(
      metrics.map(({ name, values }) => [name, values.map(({ labels, value }) => ({ labels, value }))]),
    )
  }

  /** The value of a metric without labels. */
  value(name: string): number | undefined {
    return this.#values.get(PREFIX + name)?.[0]?.value
  }

  /** The sums by one label; series without it are left out, and those that are not `wanted`. */
  by(
    name: string,
    label: string,
    isWanted: (labels: MetricValue<string>['labels']) => boolean = () => true,
  ): ReadonlyMap<string, number> {
    const sums = new Map<string, number>()
    for (const { labels, value } of this.#values.get(PREFIX + name) ?? []) {
      const key = labels[label]
      if (key !== undefined && isWanted(labels)) sums.set(String(key), (sums.get(String(key)) ?? 0) + value)
    }
    return sums
  }
}

/** A counter that is less than before has begun again, as that of a worker that was restarted. */
function difference(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): Counts {
  return Object.fromEntries(
    [...now].map(([key, value]) => {
      const since = value - (before.get(key) ?? 0)
      return [key, since < 0 ? value : since]
    }),
  )
}

/** In milliseconds, from the cumulative buckets of a histogram in seconds, as `histogram_quantile` of Prometheus estimates it. */
function quantile(share: number, buckets: Counts): number | null {
  const bounds = Object.entries(buckets)
    .map(([bound, count]) => ({ bound: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), count }))
    .sort((a, b) => a.bound - b.bound)
  const total = bounds.at(-1)?.count ?? 0
  if (total === 0) return null
  const rank = share * total
  const index = bounds.findIndex(({ count }) => count >= rank)
  const { bound = 0, count = 0 } = bounds[index] ?? {}
  const lower = bounds[index - 1] ?? { bound: 0, count: 0 }
  if (bound === Number.POSITIVE_INFINITY) return lower.bound * 1000
  return (lower.bound + (bound - lower.bound) * ((rank - lower.count) / (count - lower.count))) * 1000
}
