/** The primary process of `serve --workers`: it has no clients; it starts the workers, watches them, sweeps the store, and stops them. */

import cluster from 'node:cluster'
import type { Logger } from 'pino'
import { DailySalt } from '../../audit/daily-salt.ts'
import type { PartState, Readiness } from '../../http/health.ts'
import { signaturePool } from '../../node/signature-pool.ts'
import { gatewayParts, watchParts } from '../gateway-server.ts'
import { secondsNow } from '../open-store.ts'
import { announce, failureOf, type Logs, RELAY_IS_AWAY, runOnStore, type ServingStore } from '../serving.ts'
import { type Settings, workersOf } from '../settings-schema.ts'
import { sweepRegularly } from '../sweep.ts'
import { WorkerMetrics } from './worker-metrics.ts'
import { WorkerPool } from './worker-pool.ts'

/** @throws StoreError, SettingsError or ListenError where the settings do not fit, also where it is a worker that finds out */
export async function serveWithWorkers(
  settings: Settings,
  log: Logger,
  signal: Promise<string>,
): Promise<void> {
  const salt = new DailySalt()
  const pool = new WorkerPool({
    size: workersOf(settings),
    log,
    startOf: (number) => ({ number, settings, salt: salt.of(secondsNow()) }),
    drainSeconds: settings.server.drainSeconds,
  })
  await runOnStore({ settings, log, salt }, (serving, logs) => serveBy(pool, serving, settings, logs, signal))
}

async function serveBy(
  pool: WorkerPool,
  { store, opened }: ServingStore,
  settings: Settings,
  logs: Logs,
  signal: Promise<string>,
): Promise<void> {
  const { log } = logs
  // Only admins on the operator's listener sign anything here.
  const { verifyEvent } = signaturePool({ log, threads: 0 })
  const parts = await gatewayParts({ ...logs, store, settings, verifyEvent })
  const { gateway, monitoring } = parts
  const ended = Promise.race([signal, failureOf(opened), pool.failed])
  ended.catch(() => undefined)
  let stopWatching: (() => Promise<void>) | undefined
  const sweeping = sweepRegularly(gateway, settings, log)
  process.on('SIGHUP', () => pool.hangUp())
  try {
    const url = await Promise.race([pool.start(), ended.then(() => undefined)])
    if (url === undefined) return
    const health = { readiness: async () => readinessOf(await pool.readiness()) }
    const metrics = monitoring && new WorkerMetrics(cluster, monitoring.metrics.registry)
    const view = await watchParts(parts, {
      opened,
      health,
      sources: {},
      ...(metrics && { read: () => metrics.read() }),
    })
    stopWatching = view?.close
    announce(log, settings, { url, operatorUrl: view?.url, store: parts.store })
    void health.readiness().then(({ relay }) => {
      if (relay?.ready === false) log.warn(RELAY_IS_AWAY)
    })
    log.info({ signal: await ended }, 'stopping')
  } finally {
    clearInterval(sweeping)
    await stopWatching?.()
    await pool.stop()
    gateway.close()
  }
}

/** Ready is a server where workers serve, and all of those are. */
function readinessOf(answers: readonly (Readiness | undefined)[]): Readiness {
  const answered = answers.filter((answer) => answer !== undefined)
  const workers: PartState =
    answers.length > 0 && answered.length === answers.length
      ? { ready: true }
      : { ready: false, reason: `${answered.length} of ${answers.length} workers that serve have answered` }
  const store = worstOf(answered.map(({ store }) => store)) ?? {
    ready: false,
    reason: 'no worker has answered',
  }
  const relay = worstOf(answered.flatMap(({ relay }) => relay ?? []))
  const ready = workers.ready && store.ready && relay?.ready !== false
  return { ready, store, ...(relay && { relay }), workers }
}

function worstOf(states: readonly PartState[]): PartState | undefined {
  return states.find(({ ready }) => !ready) ?? states[0]
}
