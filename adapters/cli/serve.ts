/** `serve`: a relay for key packages, or a proxy in front of another relay, until a signal stops it. */

import type { Command } from 'commander'
import type { Logger } from 'pino'
import { type GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import { signaturePool } from '../node/signature-pool.ts'
import { startProxy } from '../relays/proxy/proxy.ts'
import { startStandalone } from '../relays/standalone/standalone.ts'
import { closeStore, endBySignal, waitForSignal } from './ending.ts'
import { listeningOn } from './listening.ts'
import { createLogger, ignoreHangUp, startAuditLog } from './logging.ts'
import { withoutPasswords } from './plain-words.ts'
import { publicHttp } from './serving-http.ts'
import { type ServingStore, startStore } from './serving-store.ts'
import { addSettings, readSettings } from './settings.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
import { checkCombinations, logRemarks, readVersion } from './startup.ts'
import { sweepRegularly } from './sweep.ts'

export function defineServe(command: Command): Command {
  addSettings(command)
  return command.action(async () => serve(readSettings(command, process.env)))
}

async function serve(settings: Settings): Promise<void> {
  checkCombinations(settings)
  const signal = waitForSignal()
  const log = await createLogger(settings.log.level)
  ignoreHangUp(settings, log)
  const audit = startAuditLog(settings, log)
  const serving = await startStore(settings, log)
  let closed: 'closed' | 'given up'
  try {
    await serveFrom(serving, settings, { log, ...(audit && { audit: audit.write }) }, signal)
  } finally {
    closed = await closeStore(serving.store, log)
    audit?.close()
  }
  if (closed === 'given up') endBySignal()
}

/** @throws StoreError if the store cannot be used as it is configured */
async function serveFrom(
  { store, opened }: ServingStore,
  settings: Settings,
  logs: { readonly log: Logger } & Pick<GatewaySettings, 'audit'>,
  signal: Promise<string>,
): Promise<void> {
  const { log } = logs
  const signatures = signaturePool({ log })
  const { verifyEvent } = signatures
  const gateway = new KeyPackageGateway({ ...gatewayOptions(settings), ...logs, store, verifyEvent })
  const version = readVersion()
  const { upstream, proxy, server: options } = settings
  const common = { gateway, options, proxy, log, http: publicHttp() }
  const server = await listeningOn({ setting: 'listen', address: settings.listen }, (place) =>
    upstream === undefined
      ? startStandalone({ ...common, ...place, store, version })
      : startProxy({ ...common, ...place, upstream }),
  )
  signatures.start()
  const sweeping = sweepRegularly(gateway, settings, log)

  log.info(
    {
      url: server.url,
      ...(upstream !== undefined && { upstream: withoutPasswords(upstream) }),
      store: withoutPasswords(settings.store),
      profile: settings.profile,
      version,
    },
    'serving key packages',
  )
  logRemarks(log, settings, store)

  try {
    log.info({ signal: await Promise.race([signal, failureOf(opened)]) }, 'stopping')
  } finally {
    clearInterval(sweeping)
    await server.close()
    gateway.close()
    await signatures.close()
  }
}

/** Rejects as `opened` does, and never resolves. */
function failureOf(opened: Promise<void>): Promise<never> {
  return new Promise((_, reject) => opened.catch(reject))
}
