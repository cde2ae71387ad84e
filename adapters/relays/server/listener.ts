/** A socket that listens: takes WebSockets within the limits, keeps them alive, and lets them finish when it stops. */

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
  /** 0 takes a free one. */
  readonly port: number
  readonly options: ServerOptions
  /** Whether clients are offered permessage-deflate. */
  readonly compression: boolean
  /** Answers what is not a WebSocket. */
  readonly onRequest: RequestListener
  /** Whose request it is; limits count it. */
  readonly addressOf: (request: IncomingMessage) => string
  /**
   * Makes ready for a client that asks for a WebSocket. Rejects with HandshakeRefused where there is nothing for it.
   * `gone` is aborted when the client leaves before it is accepted.
   */
  readonly receive: (request: IncomingMessage, address: string, gone: AbortSignal) => Promise<Reception>
}

/** What a client finds once its handshake is done. */
export interface Reception {
  /** The subprotocol that is spoken, if any (RFC 6455 section 1.9). */
  readonly protocol?: string | undefined
  accept(socket: WebSocket): ClientConnection
}

/** A handshake that is answered with an HTTP status instead. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused'
  readonly status: number

  constructor(status: number, reason: string) {
    super(reason)
    this.status = status
  }
}

/** Something that listens until it is closed. */
export interface Listener {
  /** As in `ws://127.0.0.1:7447`. */
  readonly url: string
  readonly port: number
  /** Stops accepting, answers what is under way, closes every client with 1001. */
  close(): Promise<void>
}

/**
 * Compresses what is long enough to gain by it, and keeps no state between messages: memory for each client is small.
 */
const COMPRESSION = {
  threshold: 512,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 12,
  zlibDeflateOptions: { level: 3, memLevel: 5 },
}

/** Rejects where the address cannot be listened on. */
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
