/** What a process counts of itself, and where that can be read: on the operator's listener, or in a textfile. */

import type { Registry } from 'prom-client'
import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { Observer } from '../../plugin/observer.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { Health, HealthSettings } from '../http/health.ts'
import type { Sample } from '../http/history.ts'
import { DEFAULT_OPERATOR_ADDRESS } from '../http/http-options.ts'
import type { MetricSources, Metrics } from '../http/metrics.ts'
import type { MetricsTextfile } from '../http/metrics-textfile.ts'
import type { OperatorListener } from '../http/operator-listener.ts'
import type { HttpPart } from '../http/routing.ts'
import { ListenError, listeningOn } from './listening.ts'
import { secondsNow } from './open-store.ts'
import { reasonOf, withoutPasswords } from './plain-words.ts'
import type { Settings } from './settings-schema.ts'
import { readVersion } from './version.ts'

/** What is to be watched: a server, or all the processes of one. */
export interface Watched {
  readonly gateway: Pick<KeyPackageGateway, 'surveyStock'>
  /** Whether it answers is found out without counting that. */
  readonly store: KeyPackageStore
  /** When it is open, from which time on the stock is surveyed; at once by default. */
  readonly opened?: Promise<void>
  /** What is read in this process alone. */
  readonly sources: Pick<MetricSources, 'activity' | 'server'>
  /** The metrics of all processes, where there are several. */
  readonly read?: () => Promise<Registry>
  /** Whether the relay behind can be reached now. Absent if there is none. */
  readonly probeUpstream?: HealthSettings['relay']
  /** Whether all processes can serve, where there are several. */
  readonly health?: Pick<Health, 'readiness'>
  readonly log: Logger
  /** What else the operator's listener answers. */
  readonly parts: readonly HttpPart[]
  /** What the history of the operator's page begins with. */
  readonly earlier?: readonly Sample[]
}

/** What counts, where anybody can read it. */
export interface Monitoring {
  /** For the gateway. */
  readonly observer: Observer
  /** The same store, whose calls are counted. */
  measured<Store extends KeyPackageStore>(store: Store): Store
  /** What is counted, for another process that watches this one. */
  readonly metrics: Metrics
  /** `watch` with these counts. */
  watch(watched: Watched): Promise<MonitoringView>
}

export interface MonitoringView {
  /** Of the operator's listener; undefined where there is none, or the default address is in use. */
  readonly url: string | undefined
  close(): Promise<void>
}

/** Undefined without a listener and a textfile: then nothing is counted, and nothing loaded for it. */
export async function startMonitoring(settings: Settings): Promise<Monitoring | undefined> {
  if (settings.admin.listen === 'none' && settings.metrics.textfile === undefined) return undefined
  const [{ Metrics }, { measuredStore }] = await Promise.all([
    import('../http/metrics.ts'),
    import('../http/measured-store.ts'),
  ])
  const metrics = new Metrics(readVersion())
  metrics.addProcess()
  return {
    observer: metrics.observer,
    measured: (store) => measuredStore(store, metrics.storeCalls),
    metrics,
    watch: (watched) => watch(metrics, settings, watched),
  }
}

/**
 * Begins to look at what is watched, and to listen.
 * @throws ListenError where it cannot listen on an address that the operator has chosen
 */
export async function watch(metrics: Metrics, settings: Settings, watched: Watched): Promise<MonitoringView> {
  const [{ StockWatch }, { History }, { operatorPart }] = await Promise.all([
    import('../http/stock-watch.ts'),
    import('../http/history.ts'),
    import('../http/operator-parts.ts'),
  ])
  const { gateway, sources, log, parts, earlier = [] } = watched
  const { read = async () => metrics.registry, opened = Promise.resolve() } = watched
  const { health = await healthOf(watched) } = watched
  const stock = new StockWatch({ gateway, log })
  const history = new History({
    read: async () => (await read()).getMetricsAsJSON(),
    now: secondsNow,
    earlier,
  })
  metrics.add({
    ...sources,
    stock: () => stock.last,
    storeIsUp: async () => (await health.readiness()).store.ready,
  })
  const part = operatorPart({
    metrics: async () => (await read()).metrics(),
    metricsType: metrics.registry.contentType,
    health,
    history,
    stock: () => stock.last,
    low: settings.stock.low,
    log,
  })
  const listener = await listen(settings, [part, ...parts], log)
  const textfile = await textfileOf(read, settings, log)
  textfile?.start()
  if (listener !== undefined) history.start()
  if (listener !== undefined || textfile !== undefined)
    opened.then(
      () => stock.start(),
      () => undefined,
    )
  return {
    url: listener?.url,
    close: async () => {
      stock.stop()
      history.stop()
      await Promise.all([listener?.close(), textfile?.end()])
    },
  }
}

/** Whether this process can serve. */
export async function healthOf({
  store,
  probeUpstream,
}: Pick<Watched, 'store' | 'probeUpstream'>): Promise<Health> {
  const { Health } = await import('../http/health.ts')
  const inWords = (error: unknown) => withoutPasswords(reasonOf(error))
  return new Health({ store, relay: probeUpstream, now: secondsNow, reasonOf: inWords })
}

async function textfileOf(
  read: () => Promise<Registry>,
  { metrics: { textfile: path } }: Settings,
  log: Logger,
): Promise<MetricsTextfile | undefined> {
  if (path === undefined) return undefined
  const { MetricsTextfile } = await import('../http/metrics-textfile.ts')
  return new MetricsTextfile({ path, read, log })
}

/**
 * A second gateway on one machine goes without: its operator has not asked for the default address.
 * @throws ListenError for another address
 */
async function listen(
  { admin }: Settings,
  parts: readonly HttpPart[],
  log: Logger,
): Promise<OperatorListener | undefined> {
  if (admin.listen === 'none') return undefined
  const { listenForOperator } = await import('../http/operator-listener.ts')
  try {
    return await listeningOn({ setting: 'admin.listen', address: admin.listen }, (place) =>
      listenForOperator({ ...place, hosts: admin.hosts, parts }),
    )
  } catch (error) {
    if (admin.listen !== DEFAULT_OPERATOR_ADDRESS || !(error instanceof ListenError)) throw error
    log.warn({}, `there are no metrics and no health checks: ${error.message}`)
    return undefined
  }
}
