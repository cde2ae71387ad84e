/** A relay whose answers are given by the test, valid or not. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** Whether a filter asks for one-time packages or slots. */
export function isForKeyPackages(filter: unknown): boolean {
  const { kinds } = Object(filter) as { readonly kinds?: readonly unknown[] }
  return kinds?.some((kind) => kind === 443 || kind === 30443) === true
}

/** What the relay says to a message of a client: messages, or anything else as it is. */
export type Script = (message: readonly unknown[], socket: WebSocket) => readonly (unknown[] | Buffer)[]

export class ScriptedRelay {
  readonly url: string
  /** Every message that came in, in order. */
  readonly received: unknown[][] = []
  /** How many clients came so far. */
  connections = 0
  readonly #server: WebSocketServer

  private constructor(server: WebSocketServer) {
    this.#server = server
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  static async open(script: Script): Promise<ScriptedRelay> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    const relay = new ScriptedRelay(server)
    server.on('connection', (socket) => {
      relay.connections++
      socket.on('error', () => socket.terminate())
      socket.on('message', (data) => {
        const message = JSON.parse(String(data))
        relay.received.push(message)
        for (const answer of script(message, socket)) {
          socket.send(Buffer.isBuffer(answer) ? answer : JSON.stringify(answer))
        }
      })
    })
    return relay
  }

  /** The REQs for key packages that came in: to a gateway each of them is a claim. */
  get claims(): unknown[][] {
    return this.received.filter(([verb, , filter]) => verb === 'REQ' && isForKeyPackages(filter))
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
  }
}
