/** `serve`: a relay for key packages, or a proxy in front of another relay, until a signal stops it. */

import cluster from 'node:cluster'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { SettingsError } from '../../plugin/settings.ts'
import { signaturePool } from '../node/signature-pool.ts'
import { waitForSignal } from './ending.ts'
import { startGatewayServer } from './gateway-server.ts'
import { createLogger, ignoreHangUp } from './logging.ts'
import { announce, failureOf, type Logs, RELAY_IS_AWAY, runOnStore, type ServingStore } from './serving.ts'
import { addSettings, readSettings } from './settings.ts'
import { type Settings, workersOf } from './settings-schema.ts'
import { checkCombinations } from './startup.ts'
import { sweepRegularly } from './sweep.ts'
import { isWorker, serveAsWorker } from './workers/worker.ts'

export function defineServe(command: Command): Command {
  addSettings(command)
  return command.action(async () => {
    if (isWorker()) await serveAsWorker()
    else await serve(readSettings(command, process.env))
  })
}

async function serve(settings: Settings): Promise<void> {
  checkCombinations(settings)
  const signal = waitForSignal()
  const log = await createLogger(settings.log.level)
  ignoreHangUp(settings, log)
  if (workersOf(settings) === 1)
    return runOnStore({ settings, log }, (serving, logs) => serveAlone(serving, settings, logs, signal))
  if (cluster.isWorker)
    throw new SettingsError(["workers: must be 1 in a worker of another program's cluster (node:cluster)"])
  const { serveWithWorkers } = await import('./workers/primary.ts')
  await serveWithWorkers(settings, log, signal)
}

/** @throws StoreError if the store cannot be used as it is configured */
async function serveAlone(
  { store, opened }: ServingStore,
  settings: Settings,
  logs: Logs,
  signal: Promise<string>,
): Promise<void> {
  const { log } = logs
  const signatures = signaturePool({ log })
  const { verifyEvent } = signatures
  const server = await startGatewayServer({ ...logs, store, opened, settings, verifyEvent })
  signatures.start()
  const sweeping = sweepRegularly(server.gateway, settings, log)
  announce(log, settings, server)
  void warnIfUnreachable(server.probeUpstream, log)
  try {
    log.info({ signal: await Promise.race([signal, failureOf(opened)]) }, 'stopping')
  } finally {
    clearInterval(sweeping)
    await server.close()
    await signatures.close()
  }
}

/** The log has the reason already; this is what it means. */
async function warnIfUnreachable(probe: (() => Promise<string>) | undefined, log: Logger): Promise<void> {
  if ((await probe?.()) === 'unreachable') log.warn(RELAY_IS_AWAY)
}
