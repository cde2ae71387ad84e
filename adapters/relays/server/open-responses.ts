/** The open answers of each HTTP connection: limits how many there are, and ends them all when the connection closes. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A client that sends more requests before it reads an answer is no browser and no reverse proxy; each costs memory (I9). */
const MAX_OPEN = 64

/**
 * A client may send requests before the earlier ones are answered (RFC 9112 section 9.3.2); their answers wait, and have no
 * socket. Node.js emits no `close` for these when the connection closes, and what waits for it would wait forever.
 */
export class OpenResponses {
  readonly #bySocket = new WeakMap<Socket, Set<ServerResponse>>()

  /** `too many`: the connection is closed, and the request is not to be answered. */
  add({ socket }: IncomingMessage, response: ServerResponse): 'open' | 'too many' {
    const open = this.#bySocket.get(socket) ?? this.#begin(socket)
    // What came in the same packet is still read.
    if (socket.destroyed || open.size >= MAX_OPEN) {
      socket.destroy()
      return 'too many'
    }
    open.add(response)
    response.once('close', () => open.delete(response))
    return 'open'
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
