/** A relay on a bare WebSocket server with a gateway session for each client: the pattern for any other. */

import { parseMessage } from 'keypackage-gateway'
import { matchFilters } from 'nostr-tools/filter'
import { WebSocketServer } from 'ws'
import { Events } from './events.js'

/** Messages of one client that may wait for their answers, and bytes that may wait for it to read them. */
const MOST_WAITING = 64
const MOST_BUFFERED = 1_048_576
const UNREADABLE = { replies: [['NOTICE', 'invalid: this is no message']] }

export function startRelay({ gateway, host, port }) {
  const events = new Events()
  const server = new WebSocketServer({ host, port, maxPayload: 262_144 })
  server.on('connection', (socket, request) => {
    const { remoteAddress = '' } = request.socket
    const client = new Client(socket, events, (send) => gateway.session({ address: remoteAddress, send }))
    events.clients.add(client)
    socket.on('close', () => {
      events.clients.delete(client)
      client.session.close()
    })
  })
  return server
}

class Client {
  subscriptions = new Map()
  #waiting = 0
  #tail = Promise.resolve()

  constructor(socket, events, openSession) {
    this.socket = socket
    this.events = events
    this.session = openSession((message) => this.#inTurn(() => this.send(message)))
    socket.on('message', (data, isBinary) => this.receive(isBinary ? undefined : parseMessage(String(data))))
    socket.on('error', () => socket.terminate())
  }

  /** The session hears of each message at once, for a CLOSE may still stop a claim; answers go out in order. */
  receive(message) {
    const answer = message === undefined ? UNREADABLE : this.session.fromClient(message)
    this.#waiting += 1
    if (this.#waiting >= MOST_WAITING) this.socket.pause()
    this.#inTurn(async () => {
      await this.answer(await answer)
      this.#waiting -= 1
      if (this.#waiting < MOST_WAITING) this.socket.resume()
    })
  }

  #inTurn(step) {
    this.#tail = this.#tail.then(step)
  }

  async answer({ replies, forward, unsent }) {
    // Not a byte was sent of what was claimed: it goes back.
    if (this.socket.readyState !== this.socket.OPEN) return unsent?.()
    for await (const reply of replies) {
      // A list of its own comes in pieces, each of which is made when the client has taken the one before.
      await this.send(reply, Array.isArray(replies) ? MOST_BUFFERED : 1)
      if (this.socket.readyState !== this.socket.OPEN) return
    }
    // From here on it is the relay's own.
    const answers = forward === undefined ? [] : this.events.handle(this, forward)
    for (const message of answers) await this.show(message)
  }

  /** An event has come in that others may be waiting for. */
  hear(event) {
    for (const [id, filters] of this.subscriptions) {
      if (matchFilters(filters, event)) this.show(['EVENT', id, event])
    }
  }

  /** What the relay itself has to say, without the key packages in it that only a claim may show. */
  async show(message) {
    const visible = this.session.fromRelay(message)
    if (visible !== undefined) await this.send(visible)
  }

  /** Resolves when less than `most` bytes wait for the client. One that does not read what comes unasked is cut off. */
  send(message, most = MOST_BUFFERED) {
    return new Promise((resolve) => {
      this.socket.send(JSON.stringify(message), () => resolve())
      if (this.socket.bufferedAmount < most) resolve()
      if (this.socket.bufferedAmount > 2 * MOST_BUFFERED) this.socket.terminate()
    })
  }
}
