/** `serve`: a relay for key packages, or a proxy in front of another relay, until a signal stops it. */

import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { GatewaySettings } from '../../plugin/gateway.ts'
import { signaturePool } from '../node/signature-pool.ts'
import { closeStore, giveUp, waitForSignal } from './ending.ts'
import { type GatewayServer, startGatewayServer } from './gateway-server.ts'
import { createLogger, ignoreHangUp, startAuditLog } from './logging.ts'
import { withoutPasswords } from './plain-words.ts'
import { type ServingStore, startStore } from './serving-store.ts'
import { addSettings, readSettings } from './settings.ts'
import type { Settings } from './settings-schema.ts'
import { checkCombinations, logRemarks } from './startup.ts'
import { sweepRegularly } from './sweep.ts'
import { readVersion } from './version.ts'

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
  if (closed === 'given up') await giveUp()
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
  const server = await startGatewayServer({ ...logs, store, opened, settings, verifyEvent })
  signatures.start()
  const sweeping = sweepRegularly(server.gateway, settings, log)
  const { upstream } = settings

  log.info(
    {
      url: server.url,
      ...(server.operatorUrl !== undefined && { operator: server.operatorUrl }),
      ...(upstream !== undefined && { upstream: withoutPasswords(upstream) }),
      store: withoutPasswords(settings.store),
      profile: settings.profile,
      version: readVersion(),
    },
    'serving key packages',
  )
  logRemarks(log, settings, server.store)
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
async function warnIfUnreachable(probe: GatewayServer['probeUpstream'], log: Logger): Promise<void> {
  if ((await probe?.()) !== 'unreachable') return
  log.warn(
    'until the relay behind the gateway can be reached, all clients are refused with 502; it is tried again every second',
  )
}

/** Rejects as `opened` does, and never resolves. */
function failureOf(opened: Promise<void>): Promise<never> {
  return new Promise((_, reject) => opened.catch(reject))
}
