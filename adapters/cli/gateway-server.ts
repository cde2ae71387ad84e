/** The gateway as a server: what it consists of, for `serve` and for the demo that is kept, and how it starts and stops. */

import type { Logger } from 'pino'
import { type GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { type ProxyListener, startProxy } from '../relays/proxy/proxy.ts'
import type { Listener } from '../relays/server/listener.ts'
import { RelayListRelay } from '../relays/standalone/relay-list-relay.ts'
import { startStandalone } from '../relays/standalone/standalone.ts'
import { listeningOn } from './listening.ts'
import { startMonitoring, type Watched } from './monitoring.ts'
import { secondsNow } from './open-store.ts'
import { type HttpDependencies, servedHttp } from './serving-http.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
import { readVersion } from './version.ts'

export interface GatewayServerSettings
  extends Required<Pick<GatewaySettings, 'store' | 'verifyEvent'>>,
    Pick<GatewaySettings, 'audit'>,
    Pick<Watched, 'opened' | 'earlier'>,
    Pick<HttpDependencies, 'before'> {
  readonly settings: Settings
  readonly log: Logger
}

export interface GatewayServer {
  readonly gateway: KeyPackageGateway
  /** The store, whose calls are counted if anything is. */
  readonly store: KeyPackageStore
  /** Where clients connect, such as `ws://127.0.0.1:7447`. */
  readonly url: string
  /** Of the operator's listener; undefined where there is none. */
  readonly operatorUrl: string | undefined
  /** Whether the relay behind can be reached; absent if there is none. */
  readonly probeUpstream?: ProxyListener['probeUpstream']
  /** Answers what is pending, and disconnects everybody. The caller closes the store. */
  close(): Promise<void>
}

interface Server {
  readonly server: Listener
  readonly probeUpstream?: ProxyListener['probeUpstream']
}

/** @throws ListenError where it cannot listen on an address of the settings */
export async function startGatewayServer(given: GatewayServerSettings): Promise<GatewayServer> {
  const { store: bare, settings, log, verifyEvent, audit, opened, earlier, before } = given
  const monitoring = await startMonitoring(settings)
  const store = monitoring?.measured(bare) ?? bare
  const logs = { log, ...(audit && { audit }) }
  const gateway = new KeyPackageGateway({
    ...gatewayOptions(settings),
    ...logs,
    ...(monitoring && { observer: monitoring.observer }),
    store,
    verifyEvent,
  })
  const version = readVersion()
  const { upstream, server: options, proxy } = settings
  const relay = upstream === undefined ? relayLists(store, log) : undefined
  const http = servedHttp({
    gateway,
    store,
    verifyEvent,
    settings,
    relayLists: relay,
    version,
    ...logs,
    ...(before && { before }),
  })
  const common = { gateway, options, proxy, log, http: http.onPublicPort, nips: http.nips }
  const { server, probeUpstream } = await listeningOn(
    { setting: 'listen', address: settings.listen },
    async (place): Promise<Server> => {
      if (upstream === undefined)
        return { server: await startStandalone({ ...common, ...place, store, version, relay }) }
      const proxy = await startProxy({ ...common, ...place, upstream })
      return { server: proxy, probeUpstream: proxy.probeUpstream }
    },
  )
  const watched = {
    gateway,
    store: bare,
    sources: { activity: () => gateway.activity(), server: server.statistics },
    probeUpstream,
    log,
    parts: http.operatorParts,
    ...(opened && { opened }),
    ...(earlier && { earlier }),
  }
  const operator = await monitoring?.watch(watched).catch(async (error: unknown) => {
    await server.close()
    throw error
  })
  return {
    gateway,
    store,
    url: server.url,
    operatorUrl: operator?.url,
    ...(probeUpstream && { probeUpstream }),
    close: async () => {
      await operator?.close()
      await server.close()
      gateway.close()
    },
  }
}

function relayLists(store: KeyPackageStore, log: Logger): RelayListRelay {
  const report = (error: unknown) => log.error({ err: error }, 'failed to answer a message')
  return new RelayListRelay({ store, report, now: secondsNow })
}
