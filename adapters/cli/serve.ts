/** `serve`: a relay for key packages, or a proxy before another relay, until a signal ends it. */

import { Command } from 'commander'
import type { Logger } from 'pino'
import { type GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import { SettingsError } from '../../plugin/settings.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { startProxy } from '../relays/proxy.ts'
import { startServer } from '../relays/standalone.ts'
import { startAuditLog, surviveHangUp } from './auditing.ts'
import { addSettings, readSettings } from './flags.ts'
import { createLogger } from './logger.ts'
import { withoutPasswords } from './settings.ts'
import { gatewayOptions, hostAndPort, type Settings } from './settings-schema.ts'
import { openStore } from './store-url.ts'
import { sweepRegularly } from './sweeping.ts'
import { createVerifier } from './verify-event.ts'
import { readVersion } from './version.ts'
import { warningsAbout } from './warnings.ts'

export function serveCommand(): Command {
  const command = addSettings(new Command('serve'))
  return command.action(async () => serve(readSettings(command, process.env)))
}

async function serve(settings: Settings): Promise<void> {
  checkTogether(settings)
  const signalled = waitForSignal()
  const log = await createLogger(settings.log.level)
  surviveHangUp(settings, log)
  const audit = startAuditLog(settings, log)
  const store = await openStore(settings, log)
  try {
    await serveFrom(store, settings, { log, ...(audit && { audit: audit.keep }) }, signalled)
  } finally {
    await store.close()
    audit?.close()
  }
}

/** @throws SettingsError where two settings contradict each other */
function checkTogether({ upstream, custody, proxy, store }: Settings): void {
  if (upstream === undefined && custody === 'relay') {
    throw new SettingsError(['custody: "relay" is not allowed where no relay is behind; it takes gateway'])
  }
  if (proxy.publish === 'here') return
  if (upstream === undefined) {
    throw new SettingsError(['proxy.publish: "upstream" is not allowed without upstream; it takes here'])
  }
  if (store === 'memory:') {
    throw new SettingsError(['store: "memory:" is not allowed: what the relay takes in must be shared'])
  }
}

async function serveFrom(
  store: KeyPackageStore,
  settings: Settings,
  logs: { readonly log: Logger } & Pick<GatewaySettings, 'audit'>,
  signalled: Promise<string>,
): Promise<void> {
  const { log } = logs
  const verifyEvent = await createVerifier()
  const gateway = new KeyPackageGateway({ ...gatewayOptions(settings), ...logs, store, verifyEvent })
  const version = readVersion()
  const { upstream, proxy, server: options } = settings
  const common = { gateway, options, proxy, log, ...hostAndPort(settings.listen) }
  const server =
    upstream === undefined
      ? await startServer({ ...common, store, version })
      : await startProxy({ ...common, upstream })
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
  for (const warning of warningsAbout(settings, store)) log.warn(warning)

  log.info({ signal: await signalled }, 'stopping')
  clearInterval(sweeping)
  await server.close()
  gateway.close()
}

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process there and then. */
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
