/** A reverse proxy before any relay: key packages are the gateway's, everything else goes to the relay and back. */

import type { IncomingMessage } from 'node:http'
import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { concernsGateway } from '../../plugin/lifecycle/author-events.ts'
import { AUTH_KIND } from '../../plugin/nostr/auth.ts'
import { ClientAddresses } from './client-address.ts'
import { ClientConnection } from './connection.ts'
import { HandshakeRefused, type Listener, listen, type Reception } from './listener.ts'
import { ownHost } from './own-host.ts'
import { dial } from './proxy/dial.ts'
import { headersUp } from './proxy/headers.ts'
import { passingListener } from './proxy/http.ts'
import { mergedInformation } from './proxy/information.ts'
import { Reach } from './proxy/reach.ts'
import { Upstream } from './proxy/upstream.ts'
import { type ProxyOptions, proxyOptionsSchema, trustedAddresses } from './proxy-options.ts'
import { type ServerOptions, serverOptionsSchema } from './server-options.ts'

export interface ProxySettings {
  readonly gateway: KeyPackageGateway
  /** The relay's address, as in `ws://127.0.0.1:7777`. */
  readonly upstream: string
  readonly host?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  readonly options?: ServerOptions
  readonly proxy?: ProxyOptions
  readonly log: Logger
}

/** Serves until it is closed. Rejects where the address cannot be listened on; the relay may come later. */
export function startProxy(settings: ProxySettings): Promise<Listener> {
  const { gateway, upstream, log, host = '127.0.0.1', port = 0 } = settings
  const { options = serverOptionsSchema.parse({}), proxy = proxyOptionsSchema.parse({}) } = settings
  const addresses = new ClientAddresses(trustedAddresses(proxy.trust), log)
  const report = (error: unknown) => log.error({ err: error }, 'a message could not be passed on')
  const headersOf = (request: IncomingMessage) => headersUp(request.headers, addresses.senderOf(request))
  const concerns = concernOf(gateway, proxy)
  const reach = new Reach(log)

  const receive = async (
    request: IncomingMessage,
    address: string,
    gone: AbortSignal,
  ): Promise<Reception> => {
    const url = urlBelow(upstream, request)
    if (url === undefined) throw new HandshakeRefused(400, 'this request names no path')
    const protocols = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? []
    const dialled = await reach.note(dial({ url, headers: headersOf(request), protocols, gone }), gone)
    return {
      protocol: dialled.socket.protocol === '' ? undefined : dialled.socket.protocol,
      accept: (client) =>
        new ClientConnection({
          socket: client,
          stream: request.socket,
          address,
          host: ownHost(request),
          openSession: (connection) => gateway.session({ ...connection, publish: proxy.publish }),
          relay: new Upstream({ ...dialled, options, concerns, keyPackageKinds: gateway.options.kinds }),
          options,
          report,
        }),
    }
  }
  return listen({
    host,
    port,
    options,
    compression: proxy.compression,
    addressOf: (request) => addresses.senderOf(request).address,
    onRequest: passingListener({
      urlOf: (request) => urlBelow(upstream.replace(/^ws/, 'http'), request),
      headersOf,
      inform: (document) => mergedInformation(document, gateway, options),
    }),
    receive,
  })
}

/** Which EVENTs the session has to see; others pass unread. */
function concernOf({ options }: KeyPackageGateway, { publish }: ProxyOptions): (kind: number) => boolean {
  // Published as an EVENT, the relay's OK for it would look like one for an AUTH.
  if (publish === 'upstream') return (kind) => kind === AUTH_KIND
  return (kind) => concernsGateway(kind, options.kinds)
}

/** The request's path below the relay's; undefined where it is an address of its own, which is no business of ours. */
function urlBelow(base: string, { url = '' }: IncomingMessage): URL | undefined {
  if (!url.startsWith('/')) return undefined
  const { origin, pathname } = new URL(base)
  const address = `${origin}${pathname.replace(/\/$/, '')}${url}`
  return URL.canParse(address) ? new URL(address) : undefined
}
