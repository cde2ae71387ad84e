/**
 * A reverse proxy in front of any relay: the gateway handles key packages, everything else goes to the upstream relay and
 * comes back from it.
 */

import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '../../../plugin/context.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { concernsGateway } from '../../../plugin/lifecycle/author-events.ts'
import { AUTH_KIND } from '../../../plugin/nostr/auth.ts'
import { readRequestTarget } from '../../../plugin/request-target.ts'
import { BadSignatures } from '../server/bad-signatures.ts'
import { LimitsOfRelay } from '../server/client-limits.ts'
import { ClientConnection } from '../server/connection.ts'
import { type ServerSiblings, withoutSiblings } from '../server/connection-limits.ts'
import {
  HandshakeRefused,
  type HttpHandler,
  type Listener,
  listen,
  type Reception,
} from '../server/listener.ts'
import { MessageTurns } from '../server/message-turns.ts'
import { Refused } from '../server/refused.ts'
import { mergedInformation } from '../server/relay-information.ts'
import {
  type ProxyOptions,
  proxyOptionsSchema,
  type ServerOptions,
  serverOptionsSchema,
} from '../server/server-options.ts'
import { ClientAddresses, localHost, type Sender } from '../server/trusted-headers.ts'
import { upstreamHeaders } from './forwarded-headers.ts'
import { forwardHttp } from './http-forwarding.ts'
import { UpstreamConnection } from './upstream-connection.ts'
import { UpstreamDialer, type UpstreamState } from './upstream-dialer.ts'
import { UpstreamFollowLists } from './upstream-follow-lists.ts'
import { upstreamInformation } from './upstream-http.ts'

const LEARN_WITHIN_MS = 1_000
/** The limits of a relay that was restarted with others are followed after this. */
const LEARN_AGAIN_MS = 600_000

export interface ProxySettings {
  readonly gateway: KeyPackageGateway
  /** The relay's address, as in `ws://127.0.0.1:7777`. */
  readonly upstream: string
  readonly host?: string
  /** 0, the default, picks a free one. */
  readonly port?: number
  readonly options?: ServerOptions
  readonly proxy?: ProxyOptions
  readonly log: Logger
  /** Answers HTTP requests in place of the relay where it wants to. */
  readonly http?: HttpHandler | undefined
  /** NIPs that `http` supports, for the NIP-11 document. */
  readonly nips?: readonly number[] | undefined
  /** The other processes that listen on the same port. None by default. */
  readonly siblings?: ServerSiblings | undefined
}

/** A proxy that listens until it is closed. */
export interface ProxyListener extends Listener {
  /** Whether the relay can be reached now; it takes at most two seconds, and never rejects. */
  probeUpstream(): Promise<UpstreamState>
}

/** Serves until it is closed. Rejects when it cannot listen on the address; the relay need not be up yet, and the log says so. */
export async function startProxy(settings: ProxySettings): Promise<ProxyListener> {
  const { gateway, upstream, log, nips, host = '127.0.0.1', port = 0 } = settings
  const { siblings = withoutSiblings } = settings
  const { options = serverOptionsSchema.parse({}), proxy = proxyOptionsSchema.parse({}) } = settings
  const addresses = new ClientAddresses(proxy, log)
  const limits = new LimitsOfRelay(options)
  const turns = new MessageTurns(options)
  const badSignatures = new BadSignatures({ options, clock: Date.now, siblings })
  const refused = new Refused({ log, clock: Date.now })
  const report = (error: unknown) => log.error({ err: error }, 'failed to forward a message')
  const headersOf = (request: IncomingMessage) =>
    upstreamHeaders(request.headers, addresses.senderOf(request))
  const isForSession = sessionKinds(gateway, proxy)
  const learnLimits = async () => limits.learn(await upstreamInformation(upstream))
  const dialer = new UpstreamDialer(log, learnLimits)

  const receive = async (request: IncomingMessage, sender: Sender, gone: AbortSignal): Promise<Reception> => {
    const url = upstreamUrl(upstream, request)
    if (url === undefined) throw new HandshakeRefused(400, 'the request target must be a path', 'invalid')
    const protocols = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? []
    const connected = await dialer.dial({ url, headers: headersOf(request), protocols, gone })
    return {
      protocol: connected.socket.protocol === '' ? undefined : connected.socket.protocol,
      accept: (client) =>
        new ClientConnection({
          socket: client,
          stream: request.socket,
          address: sender.address,
          countBadSignature: badSignatures.counter(sender),
          refused,
          host: localHost(request),
          openSession: (connection) => gateway.session({ ...connection, publish: proxy.publish }),
          relay: new UpstreamConnection({
            ...connected,
            options,
            isForSession,
            keyPackageKinds: gateway.options.kinds,
          }),
          options,
          limits,
          turns,
          report,
        }),
    }
  }
  const followLists = new UpstreamFollowLists({ upstream, dialer })
  const stopAsking = gateway.askForFollowLists((author, late) => followLists.ask(author, late))
  const listener = await listen({
    host,
    port,
    options,
    limits,
    compression: proxy.compression,
    senderOf: (request) => addresses.senderOf(request),
    badSignatures,
    turns,
    refused,
    siblings,
    http: settings.http,
    onRequest: forwardHttp({
      urlOf: (request) => upstreamUrl(upstream.replace(/^ws/, 'http'), request),
      headersOf,
      mergeInformation: (document) => mergedInformation(document, { gateway, options, nips }),
    }),
    receive,
  })
  // The first clients meet the relay's limits, unless it takes long to say them.
  await Promise.race([dialer.look(new URL(upstream)), wait(LEARN_WITHIN_MS, undefined, { ref: false })])
  const learning = setInterval(learnLimits, LEARN_AGAIN_MS).unref()
  return {
    ...listener,
    statistics: () => ({ ...listener.statistics(), upstream: dialer.state }),
    probeUpstream: () => dialer.probe(new URL(upstream)),
    close: async () => {
      clearInterval(learning)
      dialer.stopLooking()
      stopAsking()
      followLists.close()
      await listener.close()
    },
  }
}

/** Which kinds of EVENT the session has to see; the others pass unparsed. */
function sessionKinds({ options }: KeyPackageGateway, { publish }: ProxyOptions): (kind: number) => boolean {
  // If a kind 22242 event passed unparsed as an EVENT, the relay's OK for it would look like the OK of an AUTH.
  if (publish === 'upstream') return (kind) => kind === AUTH_KIND
  return (kind) => concernsGateway(kind, options.kinds)
}

/**
 * The request's path below the relay's address, which it never leaves; undefined for a target that is no path. For `/` it is the
 * relay's address as the operator wrote it.
 */
export function upstreamUrl(base: string, { url = '' }: Pick<IncomingMessage, 'url'>): URL | undefined {
  const target = readRequestTarget(url)
  if (target.form !== 'path') return undefined
  const upstream = new URL(base)
  const { search } = upstream
  if (target.path !== '/') upstream.pathname = upstream.pathname.replace(/\/$/, '') + target.path
  upstream.search = [search, target.query]
    .map((query) => query.slice(1))
    .filter((query) => query !== '')
    .join('&')
  return upstream
}
