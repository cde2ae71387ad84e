/** A listening socket: accepts WebSockets within the limits, pings them, and drains them when it stops. */

import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  STATUS_CODES,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ClientConnection } from './connection.ts'
import { ConnectionLimits } from './connection-limits.ts'
import type { ServerOptions } from './server-options.ts'

export interface ListenerSettings {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly options: ServerOptions
  /** Whether clients are offered permessage-deflate. */
  readonly compression: boolean
  /** Answers HTTP requests that are not WebSocket handshakes. */
  readonly onRequest: RequestListener
  /** The client's address, which the connection limits count. */
  readonly addressOf: (request: IncomingMessage) => string
  /**
   * Prepares for a client that requests a WebSocket. Rejects with HandshakeRefused if it cannot be served. `gone` is aborted
   * when the client disconnects before it is accepted.
   */
  readonly receive: (request: IncomingMessage, address: string, gone: AbortSignal) => Promise<Reception>
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

  constructor(status: number, reason: string) {
    super(reason)
    this.status = status
  }
}

/** A server that listens until it is closed. */
export interface Listener {
  /** For instance `ws://127.0.0.1:7447`. */
  readonly url: string
  readonly port: number
  /** Stops accepting clients, answers pending messages, and closes every client with 1001. */
  close(): Promise<void>
}

/**
 * Compresses only messages long enough to benefit, and keeps no state between messages, to use little memory per client.
 */
const COMPRESSION = {
  threshold: 512,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 12,
  zlibDeflateOptions: { level: 3, memLevel: 5 },
}

/** Rejects if it cannot listen on the address. */
export async function listen(settings: ListenerSettings): Promise<Listener> {
  const { options, host } = settings
  const http = createServer({ requestTimeout: 30_000 }, settings.onRequest)
  const protocols = new WeakMap<IncomingMessage, string>()
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxMessageBytes,
    perMessageDeflate: settings.compression && COMPRESSION,
    handleProtocols: (_offered, request) => protocols.get(request) ?? false,
  })
  const connections = new Set<ClientConnection>()
  const limits = new ConnectionLimits(options)

  const upgrade = async (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const gone = new AbortController()
    const leaving = () => gone.abort()
    stream.on('error', () => undefined).once('close', leaving)
    const address = settings.addressOf(request)
    const admission = limits.admit(address)
    if (admission.outcome === 'refused') return refuse(stream, admission.status)
    stream.once('close', admission.release)
    try {
      const reception = await settings.receive(request, address, gone.signal)
      if (!http.listening) return refuse(stream, 503)
      if (reception.protocol !== undefined) protocols.set(request, reception.protocol)
      webSockets.handleUpgrade(request, stream, head, (socket) => {
        stream.off('close', leaving)
        const connection = reception.accept(socket)
        connections.add(connection)
        socket.on('close', () => connections.delete(connection))
      })
    } catch (error) {
      refuse(stream, error instanceof HandshakeRefused ? error.status : 500)
    }
  }
  http.on('upgrade', upgrade)
  await bind(http, settings.port, host)

  const heartbeat = setInterval(() => {
    for (const connection of connections) connection.heartbeat()
  }, options.pingIntervalSeconds * 1000).unref()
  const { port } = http.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    close: () => {
      clearInterval(heartbeat)
      closed ??= stop(http, connections, options.drainSeconds)
      return closed
    },
  }
}

function bind(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
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
