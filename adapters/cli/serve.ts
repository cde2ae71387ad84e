/** `serve`: a relay for key packages, or a proxy in front of another relay, until a signal stops it. */

import type { Command } from 'commander'
import type { Logger } from 'pino'
import { type GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import { SettingsError } from '../../plugin/settings.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { signaturePool } from '../node/signature-pool.ts'
import { startProxy } from '../relays/proxy/proxy.ts'
import { startStandalone } from '../relays/standalone/standalone.ts'
import { createLogger, ignoreHangUp, startAuditLog } from './logging.ts'
import { openStore } from './open-store.ts'
import { addSettings, readSettings, withoutPasswords } from './settings.ts'
import { gatewayOptions, hostAndPort, type Settings } from './settings-schema.ts'
import { logRemarks, readVersion } from './startup.ts'
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
  const store = await openStore(settings, log)
  try {
    await serveFrom(store, settings, { log, ...(audit && { audit: audit.write }) }, signal)
  } finally {
    await store.close()
    audit?.close()
  }
}

/** @throws SettingsError where two settings contradict each other */
function checkCombinations({ upstream, custody, proxy, store }: Settings): void {
  if (upstream === undefined && custody === 'relay') {
    throw new SettingsError([
      'custody: "relay" requires upstream; without a relay behind the gateway use gateway',
    ])
  }
  if (proxy.publish === 'here') return
  if (upstream === undefined) {
    throw new SettingsError([
      'proxy.publish: "upstream" requires upstream; without a relay behind the gateway use here',
    ])
  }
  if (store === 'memory:') {
    throw new SettingsError([
      'store: "memory:" is not allowed with proxy.publish upstream: the plugin of the relay must share the store',
    ])
  }
}

async function serveFrom(
  store: KeyPackageStore,
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
  const common = { gateway, options, proxy, log, ...hostAndPort(settings.listen) }
  const server =
    upstream === undefined
      ? await startStandalone({ ...common, store, version })
      : await startProxy({ ...common, upstream })
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

  log.info({ signal: await signal }, 'stopping')
  clearInterval(sweeping)
  await server.close()
  gateway.close()
  await signatures.close()
}

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process immediately. */
function waitForSignal(): Promise<string> {
  return new Promise((resolve) => {
    let signals = 0
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        signals += 1
        if (signals > 1) process.exit(1)
        resolve(signal)
      })
    }
  })
}
