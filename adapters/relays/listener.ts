/** A socket that listens: takes WebSockets within the limits, keeps them alive, and lets them finish when it stops. */

import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ClientConnection } from './connection.ts'
import type { ServerOptions } from './server-options.ts'

export interface ListenerSettings {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly options: ServerOptions
  /** Answers what is not a WebSocket. */
  readonly onRequest: RequestListener
  readonly connect: (socket: WebSocket, request: IncomingMessage) => ClientConnection
}

/** Something that listens until it is closed. */
export interface Listener {
  /** As in `ws://127.0.0.1:7447`. */
  readonly url: string
  readonly port: number
  /** Stops accepting, answers what is under way, closes every client with 1001. */
  close(): Promise<void>
}

/** Rejects where the address cannot be listened on. */
export async function listen(settings: ListenerSettings): Promise<Listener> {
  const { options, host } = settings
  const http = createServer({ requestTimeout: 30_000 }, settings.onRequest)
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: options.maxMessageBytes })
  const connections = new Set<ClientConnection>()

  http.on('upgrade', (request, stream, head) => {
    if (connections.size >= options.maxConnections || !http.listening) return refuse(stream)
    webSockets.handleUpgrade(request, stream, head, (socket) => {
      const connection = settings.connect(socket, request)
      connections.add(connection)
      socket.on('close', () => connections.delete(connection))
    })
  })
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

function refuse(stream: Duplex): void {
  stream.on('error', () => undefined)
  stream.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
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
