/** `serve`: a relay for key packages, or a proxy in front of another relay, until a signal stops it. */

import type { Command } from 'commander'
import type { Logger } from 'pino'
import { type GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { signaturePool } from '../node/signature-pool.ts'
import { type ProxyListener, startProxy } from '../relays/proxy/proxy.ts'
import type { Listener } from '../relays/server/listener.ts'
import { RelayListRelay } from '../relays/standalone/relay-list-relay.ts'
import { startStandalone } from '../relays/standalone/standalone.ts'
import { closeStore, giveUp, waitForSignal } from './ending.ts'
import { listeningOn } from './listening.ts'
import { createLogger, ignoreHangUp, startAuditLog } from './logging.ts'
import { startMonitoring } from './monitoring.ts'
import { secondsNow } from './open-store.ts'
import { withoutPasswords } from './plain-words.ts'
import { servedHttp } from './serving-http.ts'
import { type ServingStore, startStore } from './serving-store.ts'
import { addSettings, readSettings } from './settings.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
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

interface Server {
  readonly server: Listener
  /** Absent if there is no relay behind. */
  readonly probeUpstream?: ProxyListener['probeUpstream']
}

/** @throws StoreError if the store cannot be used as it is configured */
async function serveFrom(
  { store: opening, opened }: ServingStore,
  settings: Settings,
  logs: { readonly log: Logger } & Pick<GatewaySettings, 'audit'>,
  signal: Promise<string>,
): Promise<void> {
  const { log } = logs
  const signatures = signaturePool({ log })
  const { verifyEvent } = signatures
  const monitoring = await startMonitoring(settings)
  const store = monitoring?.measured(opening) ?? opening
  const gateway = new KeyPackageGateway({
    ...gatewayOptions(settings),
    ...logs,
    ...(monitoring && { observer: monitoring.observer }),
    store,
    verifyEvent,
  })
  const version = readVersion()
  const { upstream, server: options } = settings
  const relay = upstream === undefined ? relayLists(store, log) : undefined
  const http = servedHttp({ gateway, store, verifyEvent, settings, relayLists: relay, version, ...logs })
  const common = {
    gateway,
    options,
    proxy: settings.proxy,
    log,
    http: http.onPublicPort,
    nips: http.nips,
  }
  const { server, probeUpstream } = await listeningOn(
    { setting: 'listen', address: settings.listen },
    async (place): Promise<Server> => {
      if (upstream === undefined)
        return { server: await startStandalone({ ...common, ...place, store, version, relay }) }
      const proxy = await startProxy({ ...common, ...place, upstream })
      return { server: proxy, probeUpstream: proxy.probeUpstream }
    },
  )
  const sources = { activity: () => gateway.activity(), server: server.statistics }
  const parts = http.operatorParts
  const watched = { gateway, store: opening, opened, sources, probeUpstream, log, parts }
  const operator = await monitoring?.watch(watched).catch(async (error: unknown) => {
    await server.close()
    throw error
  })
  signatures.start()
  const sweeping = sweepRegularly(gateway, settings, log)

  log.info(
    {
      url: server.url,
      ...(operator?.url !== undefined && { operator: operator.url }),
      ...(upstream !== undefined && { upstream: withoutPasswords(upstream) }),
      store: withoutPasswords(settings.store),
      profile: settings.profile,
      version,
    },
    'serving key packages',
  )
  logRemarks(log, settings, store)
  void warnIfUnreachable(probeUpstream, log)

  try {
    log.info({ signal: await Promise.race([signal, failureOf(opened)]) }, 'stopping')
  } finally {
    clearInterval(sweeping)
    await operator?.close()
    await server.close()
    gateway.close()
    await signatures.close()
  }
}

/** The log has the reason already; this is what it means. */
async function warnIfUnreachable(probe: Server['probeUpstream'], log: Logger): Promise<void> {
  if ((await probe?.()) !== 'unreachable') return
  log.warn(
    'until the relay behind the gateway can be reached, all clients are refused with 502; it is tried again every second',
  )
}

function relayLists(store: KeyPackageStore, log: Logger): RelayListRelay {
  const report = (error: unknown) => log.error({ err: error }, 'failed to answer a message')
  return new RelayListRelay({ store, report, now: secondsNow })
}

/** Rejects as `opened` does, and never resolves. */
function failureOf(opened: Promise<void>): Promise<never> {
  return new Promise((_, reject) => opened.catch(reject))
}
