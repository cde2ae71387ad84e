/** A listening socket: accepts WebSockets within the limits, pings them, and drains them when it stops. */

import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { addressKey } from '../../../plugin/nostr/requester.ts'
import type { BadSignatures, CountBadSignature } from './bad-signatures.ts'
import type { ClientLimits } from './client-limits.ts'
import type { ClientConnection } from './connection.ts'
import { type Place, type ServerSiblings, withoutSiblings } from './connection-limits.ts'
import { limitHttpConnections } from './http-connections.ts'
import { checkIncoming, type Incoming, isHandshake } from './incoming.ts'
import type { MessageTurns } from './message-turns.ts'
import { OpenResponses } from './open-responses.ts'
import type { Refused, RefusedCounts, RefusedReason } from './refused.ts'
import type { ServerOptions } from './server-options.ts'
import type { Received, Sender } from './trusted-headers.ts'
import { webSocketServers } from './web-sockets.ts'

/**
 * What may answer an HTTP request in place of the relay. It must not throw. True: it answers it, or calls `pass`, and then the
 * relay does.
 */
export type HttpHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
  pass: () => void,
  client: HttpClient,
) => boolean

/** An HTTP client, which is counted and has its turns with the clients of WebSockets. */
interface HttpClient {
  isKeptOut(): boolean
  readonly countWrongSignature: CountBadSignature
  turn(bytes: number): Promise<void>
}

export interface ListenerSettings {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly options: ServerOptions
  readonly limits: ClientLimits
  /** Whether clients are offered permessage-deflate. */
  readonly compression: boolean
  /**
   * Asked first about each HTTP request that is no WebSocket handshake, with the client's address.
   */
  readonly http?: HttpHandler | undefined
  /** Answers all other HTTP requests. */
  readonly onRequest: RequestListener
  /** Who sent a request; the connection limits count the address. */
  readonly senderOf: (request: Received) => Sender
  readonly badSignatures: BadSignatures
  /** Shared with the connections. */
  readonly turns: MessageTurns
  readonly refused: Refused
  /** None by default. */
  readonly siblings?: ServerSiblings | undefined
  /**
   * Prepares for a client that requests a WebSocket. Rejects with HandshakeRefused if it cannot be served. `gone` is aborted
   * when the client disconnects before it is accepted.
   */
  readonly receive: (request: IncomingMessage, sender: Sender, gone: AbortSignal) => Promise<Reception>
}

/** What handles a client once its handshake is complete. */
export interface Reception {
  /** The selected subprotocol, if any (RFC 6455 section 1.9). */
  readonly protocol?: string | undefined
  accept(socket: WebSocket): ClientConnection
}

/** Thrown to refuse a handshake with an HTTP status. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused'
  readonly status: number
  readonly reason: RefusedReason

  constructor(status: number, message: string, reason: RefusedReason) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

/** What a server can be asked while it runs. */
export interface ListenerStatistics {
  /** Clients that are connected now. */
  readonly connections: number
  /** How often a client, or a message of one, was refused since the start, by reason. */
  readonly refused: RefusedCounts
  /** The relay behind, as far as is known from the last connection to it; absent if there is none. */
  readonly upstream?: 'reachable' | 'unreachable'
}

/** A server that listens until it is closed. */
export interface Listener {
  /** For instance `ws://127.0.0.1:7447`. */
  readonly url: string
  readonly port: number
  statistics(): ListenerStatistics
  /** Stops accepting clients, answers pending messages, and closes every client with 1001. */
  close(): Promise<void>
}

/** In milliseconds. By default Node.js checks these timeouts every 30 seconds only. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 }

/** Rejects if it cannot listen on the address. */
export async function listen(settings: ListenerSettings): Promise<Listener> {
  const { options, limits, host, refused, badSignatures, turns, siblings = withoutSiblings } = settings
  const open = new OpenResponses()
  const http = createServer(TIMEOUTS, (request, response) => {
    if (open.add(request, response) === 'too many') return refused.count('pipelined')
    response.once('close', () => {
      // Its connection is idle now, and would stay open for five seconds: Node.js closes those alone that were idle before.
      if (!http.listening) setImmediate(() => http.closeIdleConnections())
    })
    const incoming = checkIncoming(request)
    if (incoming !== 'path') return answerItself(incoming, response)
    const pass = () => settings.onRequest(request, response)
    const sender = settings.senderOf(request)
    const isTaken = settings.http?.(request, response, sender.address, pass, {
      isKeptOut: () => badSignatures.isKeptOut(sender.address),
      countWrongSignature: badSignatures.counter(sender),
      turn: (bytes) =>
        new Promise((resolve) => turns.ask({ address: addressKey(sender.address), bytes, handle: resolve })),
    })
    if (isTaken !== true) pass()
  })
  const protocols = new WeakMap<IncomingMessage, string>()
  const nextServer = webSocketServers({
    maxMessageBytes: () => limits.maxMessageBytes,
    compression: settings.compression,
    protocolOf: (request) => protocols.get(request),
  })
  const connections = new Set<ClientConnection>()
  const places = siblings.places('WebSockets', limits)

  // A function of its own, so that its closures do not keep the request alive.
  const keep = (socket: WebSocket, connection: ClientConnection, place: Place) => {
    connections.add(connection)
    place.connected(() => {
      refused.count('silent')
      connection.cutOff('there is no room for clients that say nothing')
    })
    socket.once('message', place.spoke)
    socket.on('close', () => connections.delete(connection))
  }

  const upgrade = async (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const gone = new AbortController()
    const leaving = () => gone.abort()
    stream.on('error', ignore).once('close', leaving)
    const turnAway = (status: number, reason: RefusedReason) => {
      refused.count(reason)
      refuse(stream, status)
    }
    if (checkIncoming(request) !== 'path') return turnAway(400, 'invalid')
    if (!isHandshake(request)) {
      refused.count('invalid')
      // It says what is wrong, in the status or a header.
      return nextServer().handleUpgrade(request, stream, head, () => stream.destroy())
    }
    const sender = settings.senderOf(request)
    if (badSignatures.isKeptOut(sender.address)) return turnAway(429, 'signatures')
    const admission = await places.admit(sender.address)
    if (admission.outcome === 'refused')
      return turnAway(admission.status, admission.status === 503 ? 'full' : 'address')
    const { place } = admission
    if (gone.signal.aborted) return place.release()
    stream.once('close', place.release)
    try {
      const reception = await settings.receive(request, sender, gone.signal)
      if (!http.listening) return turnAway(503, 'stopping')
      if (reception.protocol !== undefined) protocols.set(request, reception.protocol)
      nextServer().handleUpgrade(request, stream, head, (socket) => {
        stream.off('close', leaving)
        keep(socket, reception.accept(socket), place)
      })
    } catch (error) {
      if (gone.signal.aborted) return void stream.destroy()
      if (error instanceof HandshakeRefused) turnAway(error.status, error.reason)
      else turnAway(500, 'failed')
    }
  }
  const { maxConnectionsPerAddress } = limits
  limitHttpConnections(http, {
    places: siblings.places('HTTP', { maxConnections: 0, maxConnectionsPerAddress }),
    addressOf: (socket) => {
      const { address, isKnown, isVouchedFor } = settings.senderOf({ socket, headers: {} })
      return isKnown && !isVouchedFor ? address : undefined
    },
    onRefused: () => refused.count('address'),
  })
  http.on('upgrade', upgrade)
  // RFC 9110 section 9.3.6: tunnels are for proxies that clients choose.
  http.on('connect', (_request, stream) => refuse(stream.on('error', ignore), 405))
  await once(http.listen(settings.port, host), 'listening')

  const heartbeat = setInterval(() => {
    for (const connection of connections) connection.heartbeat()
    refused.logDue()
  }, options.pingIntervalSeconds * 1000).unref()
  const { port } = http.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    statistics: () => ({ connections: connections.size, refused: refused.counts }),
    close: () => {
      clearInterval(heartbeat)
      closed ??= stop(http, connections, options.drainSeconds)
      return closed
    },
  }
}

/** Errors of a socket end in its `close`. */
function ignore(): void {}

/** RFC 9110 section 9.3.7: OPTIONS of `*` is about the server as a whole. */
function answerItself(incoming: Exclude<Incoming, 'path'>, response: ServerResponse): void {
  const status = incoming === 'server' ? 204 : incoming.status
  // What follows in the connection cannot be trusted to be a request.
  response.writeHead(status, { ...(status >= 400 && { connection: 'close', 'content-length': 0 }) }).end()
}

function refuse(stream: Duplex, status: number): void {
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

async function stop(http: Server, connections: Set<ClientConnection>, drainSeconds: number): Promise<void> {
  const deadline = setTimeout(() => {
    for (const connection of connections) connection.terminate()
    http.closeAllConnections()
  }, drainSeconds * 1000)
  const stopped = new Promise((resolve) => http.close(resolve))
  for (const connection of connections) connection.drain()
  await stopped
  clearTimeout(deadline)
}
