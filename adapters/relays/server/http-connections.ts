/**
 * Limits how many connections of one address are open that are no WebSocket: those of HTTP requests, and those that have not
 * asked for anything yet (I9). Those of WebSockets are counted by `connection-limits.ts`, from their handshake on.
 */

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { AddressCounts, addressKey } from '../../../plugin/nostr/requester.ts'
import type { ClientLimits } from './client-limits.ts'

export interface HttpConnectionSettings {
  readonly limits: Pick<ClientLimits, 'maxConnectionsPerAddress'>
  /** The client's address, or undefined for one through which others come as well: it is not limited. */
  readonly addressOf: (socket: Socket) => string | undefined
  readonly onRefused: () => void
}

/** As many as WebSockets may be, of each address. One more is closed at once, with no answer: it has not asked yet. */
export function limitHttpConnections(http: Server, settings: HttpConnectionSettings): void {
  const byAddress = new AddressCounts()
  const counted = new Map<Socket, string>()
  const leave = (socket: Socket) => {
    const key = counted.get(socket)
    if (key !== undefined) byAddress.change(key, -1)
    counted.delete(socket)
  }
  http.on('connection', (socket) => {
    const address = settings.addressOf(socket)
    const { maxConnectionsPerAddress: most } = settings.limits
    if (address === undefined || most === 0) return
    const key = addressKey(address)
    if (byAddress.isFull(key, most)) {
      settings.onRefused()
      return void socket.destroy()
    }
    byAddress.change(key, 1)
    counted.set(socket, key)
    socket.once('close', () => leave(socket))
  })
  http.on('upgrade', (request) => leave(request.socket))
}
