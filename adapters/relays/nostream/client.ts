/**
 * One client of nostream: which messages its gateway session answers, which nostream does, and what the client may see.
 */

import type { GatewaySession } from '../../../plugin/connection.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { ClientMessage, RelayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { AnswerQueue, EventUnderCheck } from '../server/embedding.ts'
import { OwnQuestion } from './own-question.ts'
import type { NostreamConnection, NostreamEventHandler, NostreamHandler } from './required-members.ts'

/** Makes nostream's own handler for a message. */
export type MakeHandler = (message: ClientMessage) => NostreamHandler<ClientMessage>

/** `WebSocket.OPEN` and `WebSocket.CLOSED`. */
const OPEN = 1
const CLOSED = 3

export class NostreamClient {
  readonly #connection: NostreamConnection
  readonly #session: GatewaySession
  readonly #answers: AnswerQueue
  readonly #questions = new Set<OwnQuestion>()

  constructor(connection: NostreamConnection, gateway: KeyPackageGateway) {
    this.#connection = connection
    const emit = connection.emit.bind(connection)
    const send = (message: RelayMessage) => void emit('message', message)
    const { client } = connection
    this.#answers = new AnswerQueue({ socket: client, isOpen: () => client.readyState === OPEN, send })
    const session = gateway.session({
      address: connection.getClientAddress(),
      send,
      authenticated: () => connection.getAuthenticatedPubkeys(),
    })
    this.#session = session
    connection.client.once('close', () => session.close())
    // nostream checks its rate limits before it handles a message; the client may have disconnected by then.
    if (connection.client.readyState === CLOSED) session.close()
    // Everything that nostream sends to a client, and every event for its subscriptions, passes here.
    connection.emit = (name, ...args) => {
      for (const question of this.#questions) if (question.takes(name, args)) return true
      if (name !== 'message' && name !== 'event') return emit(name, ...args)
      const message = (name === 'message' ? args[0] : ['EVENT', '', args[0]]) as RelayMessage
      const visible = session.fromRelay(message)
      if (visible === undefined) return false
      return name === 'message' ? emit(name, visible) : emit(name, ...args)
    }
  }

  get isOpen(): boolean {
    return this.#connection.client.readyState === OPEN
  }

  get isAuthenticated(): boolean {
    return this.#connection.getAuthenticatedPubkeys().size > 0
  }

  onClose(listener: () => void): void {
    this.#connection.client.once('close', listener)
  }

  /** The events that nostream would send to this client. Rejects if it refuses to, or if the client disconnects. */
  async find(filters: readonly object[], makeHandler: MakeHandler): Promise<readonly SignedEvent[]> {
    const question = new OwnQuestion()
    const message: ClientMessage = ['REQ', question.id, ...filters]
    this.#questions.add(question)
    try {
      await question.putTo(makeHandler(message), message)
    } finally {
      this.#questions.delete(question)
    }
    return question.answer()
  }

  /** nostream checks the event; then the gateway takes it, instead of nostream storing it. */
  publish(handler: NostreamEventHandler<ClientMessage>): NostreamHandler<ClientMessage> {
    const { strategyFactory } = handler
    return {
      handleMessage: async (message) => {
        const underCheck = new EventUnderCheck(this.#session)
        const answered = this.#answers.publication(message[1], underCheck.publication)
        handler.strategyFactory = (input) => ({
          execute: async (event) => {
            const publication = await underCheck.pass({ event, isVerified: true })
            if (publication.outcome === 'forward') await strategyFactory(input).execute(event)
            else await answered
          },
        })
        try {
          await handler.handleMessage(message)
        } finally {
          underCheck.end()
        }
      },
    }
  }

  /** Any other message. */
  ask(makeHandler: MakeHandler): NostreamHandler<ClientMessage> {
    let handler: NostreamHandler<ClientMessage> | undefined
    return {
      handleMessage: async (message) => {
        const { forward } = await this.#answers.answer(this.#session.fromClient(message))
        if (forward === undefined || this.#connection.client.readyState !== OPEN) return
        handler = makeHandler(forward)
        await handler.handleMessage(forward)
      },
      abort: () => handler?.abort?.(),
    }
  }
}
