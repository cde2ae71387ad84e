/** The metrics of nostream's processes: its workers count, and its primary process asks them, and listens for the operator. */

import cluster from 'node:cluster'
import type { Logger } from 'pino'
import { surveyStock } from '../../plugin/lifecycle/stock-survey.ts'
import type { Observer } from '../../plugin/observer.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { measuredStore } from '../http/measured-store.ts'
import { type MetricSources, Metrics } from '../http/metrics.ts'
import { watch } from './monitoring.ts'
import { secondsNow } from './open-store.ts'
import type { Settings } from './settings-schema.ts'
import { readVersion } from './version.ts'
import { ipcWithPrimary } from './workers/ipc.ts'
import { WorkerMetrics } from './workers/worker-metrics.ts'

/** What one process of nostream counts. */
export interface NostreamCounts {
  readonly observer: Observer
  measured(store: KeyPackageStore): KeyPackageStore
  add(sources: Pick<MetricSources, 'activity'>): void
}

/**
 * Counts what the gateway of this process does. In the primary it also listens, and looks at the store.
 * @param openStore opens a store for the primary alone, when it is first needed
 */
export function countInNostream(
  settings: Settings,
  log: Logger,
  openStore: () => KeyPackageStore,
): NostreamCounts | undefined {
  if (settings.admin.listen === 'none') return undefined
  const metrics = new Metrics(readVersion())
  metrics.addProcess()
  if (cluster.isPrimary) void watchWorkers(metrics, settings, log, openStore())
  else ipcWithPrimary().onQuestion('metrics', () => metrics.registry.getMetricsAsJSON())
  return {
    observer: metrics.observer,
    measured: (store) => measuredStore(store, metrics.storeCalls),
    add: (sources) => metrics.add(sources),
  }
}

/** nostream serves without its operator's listener, too. */
async function watchWorkers(
  metrics: Metrics,
  settings: Settings,
  log: Logger,
  store: KeyPackageStore,
): Promise<void> {
  const survey = { store, low: settings.stock.low, now: secondsNow }
  const workers = new WorkerMetrics(cluster, metrics.registry)
  try {
    const { url } = await watch(metrics, settings, {
      gateway: { surveyStock: (wanted = {}) => surveyStock(survey, wanted) },
      store,
      sources: {},
      read: () => workers.read(),
      log,
      parts: [],
    })
    if (url !== undefined) log.info({ operator: url }, 'listening for the operator')
  } catch (error) {
    log.error({ err: error }, 'there are no metrics and no health checks')
  }
}
