/**
 * The gateway as a server: what it consists of, and how its parts start and stop. One process is all of it, for `serve` and for the
 * demo that is kept; of several, workers listen to clients, and the primary watches them.
 */

import type { Logger } from 'pino'
import { type GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { type ProxyListener, startProxy } from '../relays/proxy/proxy.ts'
import type { ServerSiblings } from '../relays/server/connection-limits.ts'
import type { Listener } from '../relays/server/listener.ts'
import { RelayListRelay } from '../relays/standalone/relay-list-relay.ts'
import { startStandalone } from '../relays/standalone/standalone.ts'
import { listeningOn } from './listening.ts'
import { type Monitoring, type MonitoringView, startMonitoring, type Watched } from './monitoring.ts'
import { secondsNow } from './open-store.ts'
import { type HttpDependencies, type ServedHttp, servedHttp } from './serving-http.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
import { readVersion } from './version.ts'

export interface GatewayServerSettings
  extends Required<Pick<GatewaySettings, 'store' | 'verifyEvent'>>,
    Pick<GatewaySettings, 'audit'>,
    Pick<HttpDependencies, 'before'> {
  readonly settings: Settings
  readonly log: Logger
  /** The other processes of the server; none by default. */
  readonly siblings?: ServerSiblings
}

/** A gateway, with everything that serves it, which does not listen yet. */
export interface GatewayParts {
  readonly given: GatewayServerSettings
  readonly gateway: KeyPackageGateway
  /** The store, whose calls are counted if anything is. */
  readonly store: KeyPackageStore
  readonly relay: RelayListRelay | undefined
  readonly http: ServedHttp
  readonly monitoring: Monitoring | undefined
}

export interface ClientListener {
  /** Where clients connect, such as `ws://127.0.0.1:7447`. */
  readonly url: string
  readonly statistics: Listener['statistics']
  /** Whether the relay behind can be reached; absent if there is none. */
  readonly probeUpstream?: ProxyListener['probeUpstream']
  /** Answers what is pending, and disconnects everybody. */
  close(): Promise<void>
}

export interface GatewayServer extends Pick<GatewayParts, 'gateway' | 'store'>, ClientListener {
  /** Of the operator's listener; undefined where there is none. */
  readonly operatorUrl: string | undefined
}

/**
 * Starts the server of one process. The caller closes the store.
 * @throws ListenError where it cannot listen on an address of the settings
 */
export async function startGatewayServer(
  given: GatewayServerSettings & Pick<Watched, 'opened' | 'earlier'>,
): Promise<GatewayServer> {
  const parts = await gatewayParts(given)
  const { gateway, store } = parts
  const listener = await listenToClients(parts)
  const { opened, earlier } = given
  const operator = await watchParts(parts, {
    sources: { activity: () => gateway.activity(), server: listener.statistics },
    probeUpstream: listener.probeUpstream,
    ...(opened && { opened }),
    ...(earlier && { earlier }),
  }).catch(async (error: unknown) => {
    await listener.close()
    throw error
  })
  return {
    ...listener,
    gateway,
    store,
    operatorUrl: operator?.url,
    close: async () => {
      await operator?.close()
      await listener.close()
      gateway.close()
    },
  }
}

export async function gatewayParts(given: GatewayServerSettings): Promise<GatewayParts> {
  const { settings, log, verifyEvent, audit, siblings, before } = given
  const monitoring = await startMonitoring(settings)
  const store = monitoring?.measured(given.store) ?? given.store
  const common = { store, verifyEvent, log, ...(audit && { audit }), ...(siblings && { siblings }) }
  const observer = monitoring && { observer: monitoring.observer }
  const gateway = new KeyPackageGateway({ ...gatewayOptions(settings), ...common, ...observer })
  const relay = settings.upstream === undefined ? relayLists({ ...given, store }) : undefined
  const http = servedHttp({
    ...common,
    gateway,
    settings,
    relayLists: relay,
    version: readVersion(),
    ...(before && { before }),
  })
  return { given, gateway, store, relay, http, monitoring }
}

/** @throws ListenError where it cannot listen on `listen` */
export function listenToClients({
  given,
  gateway,
  store,
  relay,
  http,
}: GatewayParts): Promise<ClientListener> {
  const { settings, log, siblings } = given
  const { upstream, server: options, proxy, listen: address } = settings
  const { onPublicPort, nips } = http
  const common = { gateway, options, proxy, log, http: onPublicPort, nips, siblings }
  return listeningOn({ setting: 'listen', address }, (place): Promise<ClientListener> => {
    if (upstream !== undefined) return startProxy({ ...common, ...place, upstream })
    return startStandalone({ ...common, ...place, store, version: readVersion(), relay })
  })
}

/**
 * Watches this process, or all that `more` reads. Undefined where nothing is counted.
 * @throws ListenError where it cannot listen on `admin.listen`
 */
export async function watchParts(
  { given, gateway, http, monitoring }: GatewayParts,
  more: Omit<Watched, 'gateway' | 'store' | 'log' | 'parts'>,
): Promise<MonitoringView | undefined> {
  const { store, log } = given
  return monitoring?.watch({ ...more, gateway, store, log, parts: http.operatorParts })
}

function relayLists({ store, log, siblings }: GatewayServerSettings): RelayListRelay {
  const report = (error: unknown) => log.error({ err: error }, 'failed to answer a message')
  return new RelayListRelay({ store, report, now: secondsNow, ...(siblings && { siblings }) })
}
