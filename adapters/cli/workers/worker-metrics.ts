/** The metrics of all processes of a cluster (node:cluster) in one: the primary asks its workers each time. */

import type { Cluster, Worker } from 'node:cluster'
import { AggregatorRegistry, type Registry } from 'prom-client'
import { ipcWith } from './ipc.ts'
import type { ProcessMetrics } from './topics.ts'

/** A worker that has not answered by then is counted as it was: it is busy, and the others are not. */
const PATIENCE_MS = 1_000

export class WorkerMetrics {
  readonly #cluster: Pick<Cluster, 'workers'>
  readonly #own: Registry
  /** What each worker said last. */
  readonly #last = new Map<Worker, ProcessMetrics>()
  /** What workers have counted that are gone: a sum that becomes smaller would look like a restart of all. */
  #ended: ProcessMetrics = []

  constructor(cluster: Pick<Cluster, 'workers'>, own: Registry) {
    this.#cluster = cluster
    this.#own = own
  }

  /** The sum of the workers and of this process. It takes at most a second. */
  async read(): Promise<Registry> {
    const workers = Object.values(this.#cluster.workers ?? {}).filter((worker) => worker !== undefined)
    await Promise.all(workers.map((worker) => this.#ask(worker)))
    for (const [worker, metrics] of this.#last) {
      if (!worker.isDead()) continue
      this.#last.delete(worker)
      this.#ended = await sumOf([this.#ended, metrics.filter(isCount)]).getMetricsAsJSON()
    }
    return sumOf([await this.#own.getMetricsAsJSON(), this.#ended, ...this.#last.values()])
  }

  async #ask(worker: Worker): Promise<void> {
    const metrics = await ipcWith(worker).askWithin(PATIENCE_MS, 'metrics', null)
    if (metrics !== undefined) this.#last.set(worker, metrics)
  }
}

function sumOf(metrics: readonly ProcessMetrics[]): Registry {
  return AggregatorRegistry.aggregate(metrics.filter(({ length }) => length > 0))
}

function isCount({ type }: ProcessMetrics[number]): boolean {
  return ['counter', 'histogram'].includes(String(type))
}
