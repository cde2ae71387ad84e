/** A worker of `serve --workers`: a server like any other, which the primary process starts, counts for, watches and stops. */

import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { DailySalt } from '../../audit/daily-salt.ts'
import { signaturePool } from '../../node/signature-pool.ts'
import { waitForSignal } from '../ending.ts'
import { gatewayParts, listenToClients } from '../gateway-server.ts'
import { createLogger } from '../logging.ts'
import { healthOf } from '../monitoring.ts'
import { failureOf, type Logs, runOnStore, type ServingStore } from '../serving.ts'
import { type Settings, workersOf } from '../settings-schema.ts'
import { type Ipc, ipcWithPrimary } from './ipc.ts'
import { otherWorkers } from './other-workers.ts'
import { WORKER_VARIABLE } from './worker-pool.ts'

/** The least that `server.maxBufferedBytes` may be. */
const LEAST_BUFFERED_BYTES = 65_536

/** Whether this process was started by the primary of a server, and not by another program's cluster. */
export function isWorker(): boolean {
  return cluster.isWorker && process.env[WORKER_VARIABLE] !== undefined
}

/** Serves until the primary says stop, or a signal does. An error that the operator has to mend is the primary's to tell. */
export async function serveAsWorker(): Promise<void> {
  const ipc = ipcWithPrimary()
  const stopped = Promise.race([waitForSignal(), stopOf(ipc)])
  const { number, settings, salt: given } = await ipc.ask('start', null)
  // The audit log listens to this signal, whoever it comes from.
  ipc.onStatement('hang up', () => void process.emit('SIGHUP'))
  const log = (await createLogger(settings.log.level)).child({ worker: number })
  const salt = new DailySalt(given)
  try {
    await runOnStore({ settings, log, salt }, (serving, logs) =>
      serveOn(ipc, serving, shareOf(settings), logs, stopped),
    )
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    await ipc.tell('failed', { message: error.message, code: error.code })
    process.exitCode = 1
  } finally {
    // Otherwise the channel keeps the process running.
    process.channel?.unref()
  }
}

async function serveOn(
  ipc: Ipc,
  { store, opened }: ServingStore,
  settings: Settings,
  logs: Logs,
  stopped: Promise<string>,
): Promise<void> {
  const { log } = logs
  const signatures = signaturePool({ log, threads: threadsOf(settings) })
  const { verifyEvent } = signatures
  const parts = await gatewayParts({ ...logs, store, settings, verifyEvent, siblings: otherWorkers(ipc) })
  const { gateway, monitoring } = parts
  const listener = await listenToClients(parts)
  signatures.start()
  const { probeUpstream, statistics } = listener
  const health = await healthOf({ store, probeUpstream })
  ipc.onQuestion('readiness', () => health.readiness())
  monitoring?.metrics.add({ activity: () => gateway.activity(), server: statistics })
  ipc.onQuestion('metrics', async () => (await monitoring?.metrics.registry.getMetricsAsJSON()) ?? [])
  await ipc.tell('serving', { url: listener.url })
  try {
    await Promise.race([stopped, failureOf(opened)])
  } finally {
    await listener.close()
    gateway.close()
    await signatures.close()
  }
}

/** What all workers buffer together is what one process may. */
function shareOf(settings: Settings): Settings {
  const { server } = settings
  const share = Math.floor(server.maxBufferedBytes / workersOf(settings))
  return { ...settings, server: { ...server, maxBufferedBytes: Math.max(LEAST_BUFFERED_BYTES, share) } }
}

/** The processors that the workers themselves do not use verify signatures; each worker has one thread at least. */
function threadsOf(settings: Settings): number {
  const workers = workersOf(settings)
  return Math.min(4, Math.max(1, Math.floor((availableParallelism() - workers) / workers)))
}

function stopOf(ipc: Ipc): Promise<string> {
  return new Promise((resolve) => ipc.onStatement('stop', () => resolve('stop')))
}
