/** A relay whose answers are given by the test, valid or not. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
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
  readonly #http: Server
  readonly #server: WebSocketServer

  private constructor(http: Server, server: WebSocketServer) {
    this.#http = http
    this.#server = server
    this.url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`
  }

  /** @param information its information document (NIP-11); by default it has none */
  static async open(script: Script, information?: object): Promise<ScriptedRelay> {
    const http = createServer((request, response) => {
      const isAsked = information !== undefined && request.headers.accept === 'application/nostr+json'
      response.writeHead(isAsked ? 200 : 426).end(isAsked ? JSON.stringify(information) : '')
    })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const server = new WebSocketServer({ server: http })
    const relay = new ScriptedRelay(http, server)
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
    this.#http.close()
    this.#http.closeAllConnections()
  }
}
