/**
 * Connections that are no WebSocket: those of HTTP requests, and those that have not asked for anything yet. Limits how many of one
 * address are open (I9), and closes the silent ones when the server stops. Those of WebSockets are counted by `connection-limits.ts`, from their handshake on.
 */

import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Place, Places } from './connection-limits.ts'

export interface HttpConnectionSettings {
  /** As many of each address as there may be WebSockets. */
  readonly places: Places
  /** The client's address, or undefined for one through which others come as well: it is not limited. */
  readonly addressOf: (socket: Socket) => string | undefined
  readonly onRefused: () => void
}

/** Connections in which no whole request has arrived: when a server stops, there is nothing to answer in them. */
export function silentConnections(http: Server): { close(): void } {
  const silent = new Set<Socket>()
  const spoke = ({ socket }: IncomingMessage) => silent.delete(socket)
  http.on('connection', (socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  http.on('request', spoke)
  http.on('upgrade', spoke)
  return {
    close: () => {
      for (const socket of silent) socket.destroy()
    },
  }
}

/** One more than there are places for is closed at once, with no answer: it has hardly asked yet. */
export function limitHttpConnections(http: Server, settings: HttpConnectionSettings): void {
  const counted = new Map<Socket, Promise<Place | undefined>>()
  const leave = (socket: Socket) => {
    void counted.get(socket)?.then((place) => place?.release())
    counted.delete(socket)
  }
  const admit = async (socket: Socket, address: string) => {
    const admission = await settings.places.admit(address)
    if (admission.outcome === 'admitted') return admission.place
    settings.onRefused()
    socket.destroy()
    return undefined
  }
  http.on('connection', (socket) => {
    const address = settings.addressOf(socket)
    if (address === undefined) return
    counted.set(socket, admit(socket, address))
    socket.once('close', () => leave(socket))
  })
  http.on('upgrade', (request) => leave(request.socket))
}
