/** The metrics of one process, for Prometheus: what they are called, and which labels they have; all from closed sets (I4). */

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { GatewayActivity } from '../../plugin/gateway.ts'
import type { StockSurvey } from '../../plugin/lifecycle/stock-survey.ts'
import { REFUSAL_PREFIXES } from '../../plugin/nostr/refusal.ts'
import {
  CLAIM_OUTCOMES,
  CLAIM_QUOTAS,
  type Observer,
  PUBLISH_OUTCOMES,
  REFUSED_VERBS,
  RELEASE_REASONS,
  REMOVAL_REASONS,
} from '../../plugin/observer.ts'
import { Instruments, PREFIX } from './instruments.ts'
import { STORE_OPERATIONS, type StoreCallSink } from './measured-store.ts'

/** What a server says of its connections; `refused` counts since the start. */
export interface ServerStatistics {
  readonly connections: number
  readonly refused: Readonly<Record<string, number>>
  readonly upstream?: 'reachable' | 'unreachable'
}

/** What is asked for each time that somebody reads the metrics. Each may be absent; its metrics are then left out. */
export interface MetricSources {
  readonly activity?: () => GatewayActivity
  readonly server?: () => ServerStatistics
  /** The last survey, once there is one. */
  readonly stock?: () => StockSurvey | undefined
  /** Whether the store answers; never rejects. */
  readonly storeIsUp?: () => Promise<boolean>
}

/** A command that has ended. */
export interface Run {
  readonly outcome: 'succeeded' | 'failed'
  /** Seconds since the epoch. */
  readonly endedAt: number
  readonly seconds: number
}

/** Numbers of fresh packages that are counted together, from the first of each. */
const FRESH_GROUPS = [0, 1, 2, 3, 4, 5, 10, 20, 50] as const

export class Metrics {
  readonly registry = new Registry()
  readonly #make = new Instruments(this.registry)
  /** Counts what it is told. */
  readonly observer: Observer
  /** Counts and times calls of a store. */
  readonly storeCalls: StoreCallSink

  /** @param version of this software */
  constructor(version: string) {
    this.observer = this.#observer()
    this.storeCalls = this.#storeCalls()
    const build = { name: `${PREFIX}build_info`, help: 'The version of this software; always 1' }
    // A cluster of processes has one version.
    new Gauge({ ...build, labelNames: ['version'], aggregator: 'first', registers: [this.registry] }).set(
      { version },
      1,
    )
  }

  /** Adds the metrics of Node.js: memory, CPU, the lag of the event loop. */
  addProcess(): void {
    collectDefaultMetrics({ prefix: PREFIX, register: this.registry })
  }

  /** Adds what became of a command that ends. */
  addRun({ outcome, endedAt, seconds }: Run): void {
    this.#make.gauge('command_ended_timestamp_seconds', 'When this command ended').set(endedAt)
    this.#make.gauge('command_duration_seconds', 'How long this command ran').set(seconds)
    this.#make
      .gauge('command_succeeded', 'Whether this command ended without an error')
      .set(outcome === 'succeeded' ? 1 : 0)
  }

  /** Adds the metrics that are read from these sources; each source once. */
  add({ activity, server, stock, storeIsUp }: MetricSources): void {
    if (activity !== undefined) this.#addActivity(activity)
    if (server !== undefined) this.#addServer(server)
    if (stock !== undefined) this.#addStock(stock)
    if (storeIsUp !== undefined) {
      this.#make.gauge('store_up', 'Whether the store answers', async (gauge) => {
        gauge.set((await storeIsUp()) ? 1 : 0)
      })
    }
  }

  #observer(): Observer {
    const claims = this.#make.counters(
      'claims',
      'Claims, one for each author that was asked for',
      'outcome',
      CLAIM_OUTCOMES,
    )
    const limited = this.#make.counters(
      'claims_limited',
      'Claims that a quota limited',
      'quota',
      CLAIM_QUOTAS,
    )
    const claimTimes = this.#make.histogram('claim_duration_seconds', 'How long the claims of one REQ took')
    const publishes = this.#make.counters(
      'publishes',
      'Key packages that were published',
      'outcome',
      PUBLISH_OUTCOMES,
    )
    const publishTimes = this.#make.histogram(
      'publish_duration_seconds',
      'How long publishing one key package took',
    )
    const removals = this.#make.counters(
      'removals',
      'Packages that left the stock, not by a claim',
      'reason',
      REMOVAL_REASONS,
    )
    const releases = this.#make.counters(
      'releases',
      'Packages that were put back, as their claim was undone',
      'reason',
      RELEASE_REASONS,
    )
    const refusals = this.#refusals()
    return {
      time: () => performance.now(),
      claimed: (outcome, by) => {
        claims[outcome]()
        if (by !== undefined) limited[by]()
      },
      claimsTook: (milliseconds) => claimTimes.observe(milliseconds / 1000),
      published: (outcome, milliseconds) => {
        publishes[outcome]()
        publishTimes.observe(milliseconds / 1000)
      },
      refused: (verb, reason) => refusals.inc({ verb, reason }),
      removed: (why) => removals[why](),
      released: (why) => releases[why](),
    }
  }

  #refusals(): Counter<'verb' | 'reason'> {
    const refusals = new Counter({
      name: `${PREFIX}refusals_total`,
      help: 'Messages, or parts of them, that were refused, by the prefix of NIP-01',
      labelNames: ['verb', 'reason'],
      registers: [this.registry],
    })
    for (const verb of REFUSED_VERBS) for (const reason of REFUSAL_PREFIXES) refusals.inc({ verb, reason }, 0)
    return refusals
  }

  #storeCalls(): StoreCallSink {
    const times = this.#make.histogram('store_call_duration_seconds', 'How long calls to the store took', [
      'operation',
    ])
    const failures = this.#make.counters(
      'store_failures',
      'Calls to the store that failed',
      'operation',
      STORE_OPERATIONS,
    )
    for (const operation of STORE_OPERATIONS) times.zero({ operation })
    return {
      took: (operation, milliseconds) => times.observe({ operation }, milliseconds / 1000),
      failed: (operation) => failures[operation](),
    }
  }

  #addActivity(activity: () => GatewayActivity): void {
    this.#make.gauge('sessions', 'Clients that are connected', (gauge) => gauge.set(activity().sessions))
    this.#make.gauge('signature_checks_waiting', 'Signatures that wait to be verified', (gauge) =>
      gauge.set(activity().checksWaiting),
    )
    this.#make.gauge('signature_checks_under_way', 'Signatures that are being verified', (gauge) =>
      gauge.set(activity().checksUnderWay),
    )
  }

  #addServer(server: () => ServerStatistics): void {
    this.#make.gauge('connections', 'WebSockets that are open', (gauge) => gauge.set(server().connections))
    const refused = new Counter({
      name: `${PREFIX}connections_refused_total`,
      help: 'Clients, and messages of clients, that the server refused',
      labelNames: ['reason'],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [reason, count] of Object.entries(server().refused)) refused.inc({ reason }, count)
      },
    })
    if (server().upstream === undefined) return
    this.#make.gauge(
      'upstream_up',
      'Whether the relay behind the gateway can be reached',
      (gauge) => gauge.set(server().upstream === 'reachable' ? 1 : 0),
      { aggregator: 'min' },
    )
  }

  /** The gauges have no value before the first survey has ended. */
  #addStock(stock: () => StockSurvey | undefined): void {
    const add = (name: string, help: string, read: (survey: StockSurvey) => number) =>
      this.#make.gauge(name, help, (gauge) => {
        const survey = stock()
        gauge.reset()
        if (survey === undefined) gauge.remove()
        else gauge.set(read(survey))
      })
    add('authors', 'Authors who have packages', ({ authors }) => authors)
    add('authors_low', 'Authors with fewer fresh packages than stock.low', ({ low }) => low)
    add('authors_out', 'Authors who are known and have no package left', ({ out }) => out)
    add('authors_slots_only', 'Authors who have slots and no one-time packages', ({ slotsOnly }) => slotsOnly)
    add('packages', 'KeyPackages in the stock', ({ packages }) => packages)
    add('stock_surveyed_timestamp_seconds', 'When the stock was last surveyed', ({ at }) => at)
    this.#make.gauge(
      'stock_authors',
      'Authors by how many fresh one-time packages they have',
      (gauge) => {
        const survey = stock()
        gauge.reset()
        if (survey === undefined) return
        for (const [fresh, authors] of grouped(survey.byFresh)) gauge.set({ fresh }, authors)
      },
      { labelNames: ['fresh'] },
    )
  }
}

/** Every group, those without authors too: `0`, `1`, ... `5-9`, ... `50+`. */
function grouped(byFresh: StockSurvey['byFresh']): Map<string, number> {
  const names = FRESH_GROUPS.map((from, index) => groupName(from, FRESH_GROUPS[index + 1]))
  const groups = new Map(names.map((name) => [name, 0]))
  for (const [fresh, authors] of byFresh) {
    const name = names[FRESH_GROUPS.findLastIndex((from) => from <= fresh)] ?? ''
    groups.set(name, (groups.get(name) ?? 0) + authors)
  }
  return groups
}

function groupName(from: number, next: number | undefined): string {
  if (next === undefined) return `${from}+`
  return next === from + 1 ? `${from}` : `${from}-${next - 1}`
}
