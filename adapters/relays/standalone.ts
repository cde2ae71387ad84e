/** A relay for key packages alone: the gateway with nothing behind it but relay lists. */

import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { ClientAddresses } from './client-address.ts'
import { ClientConnection } from './connection.ts'
import { informationListener } from './information.ts'
import { type Listener, listen } from './listener.ts'
import { ownHost } from './own-host.ts'
import { type ProxyOptions, proxyOptionsSchema, trustedAddresses } from './proxy-options.ts'
import { RelayLists } from './relay-lists.ts'
import { type ServerOptions, serverOptionsSchema } from './server-options.ts'

export interface StandaloneSettings {
  readonly gateway: KeyPackageGateway
  /** The gateway's store; relay lists are kept there too. Closing it is left to its owner. */
  readonly store: KeyPackageStore
  readonly host?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  readonly options?: ServerOptions
  readonly proxy?: ProxyOptions
  readonly log: Logger
  /** Of this software, for the NIP-11 document. */
  readonly version: string
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly clock?: () => number
}

/** Serves until it is closed. Rejects where the address cannot be listened on. */
export function startServer(settings: StandaloneSettings): Promise<Listener> {
  const { gateway, store, log, version, clock = Date.now } = settings
  const { host = '127.0.0.1', port = 0, options = serverOptionsSchema.parse({}) } = settings
  const { proxy = proxyOptionsSchema.parse({}) } = settings
  const report = (error: unknown) => log.error({ err: error }, 'a message could not be answered')
  const relay = new RelayLists({ store, report, now: () => Math.floor(clock() / 1000) })
  const addresses = new ClientAddresses(trustedAddresses(proxy.trust), log)
  return listen({
    host,
    port,
    options,
    compression: proxy.compression,
    onRequest: informationListener({ gateway, options, version }),
    addressOf: (request) => addresses.senderOf(request).address,
    receive: async (request, address) => ({
      accept: (socket) =>
        new ClientConnection({
          socket,
          stream: request.socket,
          address,
          host: ownHost(request),
          openSession: (connection) => gateway.session(connection),
          relay,
          options,
          report,
        }),
    }),
  })
}
