/** Ends the answers of a connection that is closed, also those that wait behind another one. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * A client may send requests before the earlier ones are answered (RFC 9112 section 9.3.2); their answers wait, and have no
 * socket. Node.js emits no `close` for these when the connection closes, and what waits for it would wait forever.
 */
export class OpenResponses {
  readonly #bySocket = new WeakMap<Socket, Set<ServerResponse>>()

  add({ socket }: IncomingMessage, response: ServerResponse): void {
    const open = this.#bySocket.get(socket) ?? this.#begin(socket)
    open.add(response)
    response.once('close', () => open.delete(response))
  }

  #begin(socket: Socket): Set<ServerResponse> {
    const open = new Set<ServerResponse>()
    this.#bySocket.set(socket, open)
    socket.once('close', () => {
      for (const response of open) if (response.socket === null) end(response)
    })
    return open
  }
}

function end(response: ServerResponse): void {
  response.destroy()
  response.emit('close')
}
