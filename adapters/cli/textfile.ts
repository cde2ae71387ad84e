/** What a process without a listener counts, in a textfile for node_exporter, where the operator has named one. */

import type { Observer } from '../../plugin/observer.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { Settings } from './settings-schema.ts'
import { readVersion } from './version.ts'

export interface Counted {
  /** For a gateway. */
  readonly observer: Observer
  /** The same store, whose calls are counted. */
  measured<Store extends KeyPackageStore>(store: Store): Store
  /** Writes the file for the last time. Never rejects. */
  end(outcome: 'succeeded' | 'failed'): Promise<void>
}

/** Writes the file every 15 seconds. Undefined where `metrics.textfile` is not set: nothing is loaded for it then. */
export async function countInTextfile(
  { metrics: { textfile: path } }: Settings,
  log: { error(fields: object, message: string): void },
): Promise<Counted | undefined> {
  if (path === undefined) return undefined
  const [{ Metrics }, { measuredStore }, { MetricsTextfile }] = await Promise.all([
    import('../http/metrics.ts'),
    import('../http/measured-store.ts'),
    import('../http/metrics-textfile.ts'),
  ])
  const began = performance.now()
  const metrics = new Metrics(readVersion())
  const file = new MetricsTextfile({ path, read: async () => metrics.registry, log })
  file.start()
  return {
    observer: metrics.observer,
    measured: (store) => measuredStore(store, metrics.storeCalls),
    end: (outcome) => {
      metrics.addRun({ outcome, endedAt: Date.now() / 1000, seconds: (performance.now() - began) / 1000 })
      return file.end()
    },
  }
}
