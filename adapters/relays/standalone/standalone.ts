/** A server with no relay behind it: key packages, relay lists and the NIP-11 document, nothing else. */

import type { IncomingMessage, RequestListener } from 'node:http'
import type { Logger } from '../../../plugin/context.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { BadSignatures } from '../server/bad-signatures.ts'
import { ownLimits } from '../server/client-limits.ts'
import { ClientConnection } from '../server/connection.ts'
import { type ServerSiblings, withoutSiblings } from '../server/connection-limits.ts'
import { type HttpHandler, type Listener, listen } from '../server/listener.ts'
import { MessageTurns } from '../server/message-turns.ts'
import { Refused } from '../server/refused.ts'
import {
  CORS,
  NOSTR_JSON,
  type StandaloneInformation,
  standaloneInformation,
} from '../server/relay-information.ts'
import {
  type ProxyOptions,
  proxyOptionsSchema,
  type ServerOptions,
  serverOptionsSchema,
} from '../server/server-options.ts'
import { ClientAddresses, localHost } from '../server/trusted-headers.ts'
import { RelayListRelay } from './relay-list-relay.ts'

export interface StandaloneSettings {
  readonly gateway: KeyPackageGateway
  /** The gateway's store, which keeps the relay lists as well. Whoever opened it closes it. */
  readonly store: KeyPackageStore
  readonly host?: string
  /** 0, the default, picks a free one. */
  readonly port?: number
  readonly options?: ServerOptions
  readonly proxy?: ProxyOptions
  readonly log: Logger
  /** Keeps the relay lists; one of its own by default. */
  readonly relay?: RelayListRelay | undefined
  /** Answers HTTP requests in place of the relay where it wants to. */
  readonly http?: HttpHandler | undefined
  /** NIPs that `http` supports, for the NIP-11 document. */
  readonly nips?: readonly number[] | undefined
  /** The other processes that listen on the same port. None by default. */
  readonly siblings?: ServerSiblings | undefined
  /** Of this software, for the NIP-11 document. */
  readonly version: string
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly clock?: () => number
}

/** Serves until it is closed. Rejects when it cannot listen on the address. */
export function startStandalone(settings: StandaloneSettings): Promise<Listener> {
  const { gateway, store, log, version, nips, clock = Date.now } = settings
  const { host = '127.0.0.1', port = 0, options = serverOptionsSchema.parse({}) } = settings
  const { siblings = withoutSiblings } = settings
  const { proxy = proxyOptionsSchema.parse({}) } = settings
  const limits = ownLimits(options)
  const turns = new MessageTurns(options)
  const badSignatures = new BadSignatures({ options, clock, siblings })
  const refused = new Refused({ log, clock })
  const report = (error: unknown) => log.error({ err: error }, 'failed to answer a message')
  const now = () => Math.floor(clock() / 1000)
  const relay = settings.relay ?? new RelayListRelay({ store, report, now, siblings })
  const addresses = new ClientAddresses(proxy, log)
  return listen({
    host,
    port,
    options,
    limits,
    compression: proxy.compression,
    http: settings.http,
    onRequest: answerHttp({ gateway, options, version, nips }),
    senderOf: (request) => addresses.senderOf(request),
    badSignatures,
    turns,
    refused,
    siblings,
    receive: async (request, sender) => ({
      accept: (socket) =>
        new ClientConnection({
          socket,
          stream: request.socket,
          address: sender.address,
          countBadSignature: badSignatures.counter(sender),
          refused,
          host: localHost(request),
          openSession: (connection) => gateway.session({ ...connection, relayLists: 'kept' }),
          relay,
          options,
          limits,
          turns,
          report,
        }),
    }),
  })
}

interface HttpAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Answers `GET /` with the NIP-11 document where the client accepts it, otherwise with a sentence for people. */
function answerHttp(settings: StandaloneInformation): RequestListener {
  return async (request, response) => {
    request.resume()
    const { status, type, body } = await answerTo(request, settings)
    response.writeHead(status, { ...CORS, 'content-type': type, 'content-length': Buffer.byteLength(body) })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

async function answerTo(
  { url, method, headers }: IncomingMessage,
  settings: StandaloneInformation,
): Promise<HttpAnswer> {
  if (url?.split('?')[0] !== '/') return plainText(404, 'not found')
  if (method === 'OPTIONS') return plainText(204, '')
  if (method !== 'GET' && method !== 'HEAD') return plainText(405, 'only GET and WebSockets are supported')
  if (headers.accept?.includes(NOSTR_JSON)) {
    return { status: 200, type: NOSTR_JSON, body: JSON.stringify(await standaloneInformation(settings)) }
  }
  return plainText(
    200,
    `${settings.options.name}: a Nostr relay for MLS key packages. Connect with a WebSocket, or open this address in a browser.`,
  )
}

function plainText(status: number, text: string): HttpAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: text === '' ? '' : `${text}\n` }
}
