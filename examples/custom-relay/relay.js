/** A relay on a plain WebSocket server with a gateway session for each client: a pattern for any other relay. */

import { parseMessage } from 'keypackage-gateway'
import { matchFilters } from 'nostr-tools/filter'
import { WebSocketServer } from 'ws'
import { Events } from './events.js'

/** Of one client: how many messages may be unanswered, and how many bytes may be buffered. */
const MAX_PENDING = 64
const MAX_BUFFERED_BYTES = 1_048_576
const INVALID_MESSAGE = { replies: [['NOTICE', 'invalid: not a Nostr message']] }

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
  #pending = 0
  #tail = Promise.resolve()

  constructor(socket, events, openSession) {
    this.socket = socket
    this.events = events
    this.session = openSession((message) => this.#inOrder(() => this.send(message)))
    socket.on('message', (data, isBinary) => this.receive(isBinary ? undefined : parseMessage(String(data))))
    socket.on('error', () => socket.terminate())
  }

  /** The session gets each message at once, because a CLOSE may still undo a claim; answers are sent in order. */
  receive(message) {
    const answer = message === undefined ? INVALID_MESSAGE : this.session.fromClient(message)
    this.#pending += 1
    if (this.#pending >= MAX_PENDING) this.socket.pause()
    this.#inOrder(async () => {
      await this.answer(await answer)
      this.#pending -= 1
      if (this.#pending < MAX_PENDING) this.socket.resume()
    })
  }

  #inOrder(step) {
    this.#tail = this.#tail.then(step)
  }

  async answer({ replies, forward, unsent }) {
    // Nothing was sent of what was claimed, so it returns to the stock.
    if (this.socket.readyState !== this.socket.OPEN) return unsent?.()
    for await (const reply of replies) {
      // An owner's list comes in pieces; the next one is made when the client has taken the one before.
      await this.send(reply, Array.isArray(replies) ? MAX_BUFFERED_BYTES : 1)
      if (this.socket.readyState !== this.socket.OPEN) return
    }
    // The rest is the relay's own work.
    const answers = forward === undefined ? [] : this.events.handle(this, forward)
    for (const message of answers) await this.sendFromRelay(message)
  }

  /** Sends a new event to the subscriptions that match it. */
  offer(event) {
    for (const [id, filters] of this.subscriptions) {
      if (matchFilters(filters, event)) this.sendFromRelay(['EVENT', id, event])
    }
  }

  /** Sends a message of the relay itself, unless it holds a key package that only a claim may show. */
  async sendFromRelay(message) {
    const visible = this.session.fromRelay(message)
    if (visible !== undefined) await this.send(visible)
  }

  /** Resolves when less than `maxBytes` wait for the client. A client that does not read its live feed is disconnected. */
  send(message, maxBytes = MAX_BUFFERED_BYTES) {
    return new Promise((resolve) => {
      this.socket.send(JSON.stringify(message), () => resolve())
      if (this.socket.bufferedAmount < maxBytes) resolve()
      if (this.socket.bufferedAmount > 2 * MAX_BUFFERED_BYTES) this.socket.terminate()
    })
  }
}
