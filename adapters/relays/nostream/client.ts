/**
 * One client of nostream: which messages its gateway session answers, which nostream does, and what the client may see.
 */

import type { Answer, GatewaySession } from '../../../plugin/connection.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { ClientMessage, RelayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { taken } from '../taken.ts'
import type { NostreamConnection, NostreamEventHandler, NostreamHandler } from './required-members.ts'

/** Makes nostream's own handler for a message. */
export type MakeHandler = (message: ClientMessage) => NostreamHandler<ClientMessage>

/** `WebSocket.OPEN` and `WebSocket.CLOSED`. */
const OPEN = 1
const CLOSED = 3

export class NostreamClient {
  readonly #gateway: KeyPackageGateway
  readonly #connection: NostreamConnection
  readonly #session: GatewaySession
  readonly #send: (message: RelayMessage) => void
  /** nostream handles a client's messages concurrently; those about key packages must take effect in order. */
  #published: Promise<unknown> = Promise.resolve()
  #answered: Promise<unknown> = Promise.resolve()
  /** Answers go out one after the other, however long a list takes. */
  #sent: Promise<unknown> = Promise.resolve()

  constructor(connection: NostreamConnection, gateway: KeyPackageGateway) {
    this.#gateway = gateway
    this.#connection = connection
    const emit = connection.emit.bind(connection)
    this.#send = (message) => void emit('message', message)
    const session = gateway.session({
      address: connection.getClientAddress(),
      send: this.#send,
      authenticated: () => connection.getAuthenticatedPubkeys(),
    })
    this.#session = session
    connection.client.once('close', () => session.close())
    // nostream checks its rate limits before it handles a message; the client may have disconnected by then.
    if (connection.client.readyState === CLOSED) session.close()
    // Everything that nostream sends to a client, and every event for its subscriptions, passes here.
    connection.emit = (name, ...args) => {
      if (name !== 'message' && name !== 'event') return emit(name, ...args)
      const message = (name === 'message' ? args[0] : ['EVENT', '', args[0]]) as RelayMessage
      const visible = session.fromRelay(message)
      if (visible === undefined) return false
      return name === 'message' ? emit(name, visible) : emit(name, ...args)
    }
  }

  /** nostream checks the event; then the gateway takes it, instead of nostream storing it. */
  publish(handler: NostreamEventHandler<ClientMessage>): NostreamHandler<ClientMessage> {
    const { strategyFactory } = handler
    const before = Promise.all([this.#published, this.#answered])
    // nostream forgets who was authenticated when a client disconnects; what the client sent before still counts.
    const authenticated = new Set(this.#connection.getAuthenticatedPubkeys())
    handler.strategyFactory = (input) => ({
      execute: async (event) => {
        await before
        for (const pubkey of this.#connection.getAuthenticatedPubkeys()) authenticated.add(pubkey)
        await this.#take(event, authenticated, () => strategyFactory(input).execute(event))
      },
    })
    return {
      handleMessage: (message) => {
        const handled = handler.handleMessage(message)
        this.#published = Promise.allSettled([before, handled])
        return handled
      },
    }
  }

  /** Any other message. */
  ask(makeHandler: MakeHandler): NostreamHandler<ClientMessage> {
    let handler: NostreamHandler<ClientMessage> | undefined
    return {
      handleMessage: async (message) => {
        const forward = await this.#answer(message)
        if (forward === undefined) return
        handler = makeHandler(forward)
        await handler.handleMessage(forward)
      },
      abort: () => handler?.abort?.(),
    }
  }

  async #take(
    event: SignedEvent,
    authenticated: ReadonlySet<string>,
    keep: () => Promise<void>,
  ): Promise<void> {
    const address = this.#connection.getClientAddress()
    const acceptance = await this.#gateway.accept(event, { authenticated, address, isVerified: true })
    if (acceptance.outcome === 'forward') return keep()
    this.#send(['OK', event.id, acceptance.outcome === 'done', acceptance.message])
  }

  /** Sends what the session replies; returns what is left for nostream. */
  async #answer(message: ClientMessage): Promise<ClientMessage | undefined> {
    const answer = this.#published.then(() => this.#session.fromClient(message))
    this.#answered = answer
    const sent = this.#sent.then(async () => this.#sendAnswer(await answer))
    this.#sent = sent.catch(() => undefined)
    return sent
  }

  async #sendAnswer({ replies, forward, unsent }: Answer): Promise<ClientMessage | undefined> {
    const { client } = this.#connection
    if (client.readyState !== OPEN) {
      await unsent?.()
      return undefined
    }
    for await (const reply of replies) {
      this.#send(reply)
      if (!Array.isArray(replies)) await taken(client)
      if (client.readyState !== OPEN) return undefined
    }
    return forward
  }
}
