/**
 * A small model of nostream: its WebSocketAdapter (one event emitter for each client), its message handler factory and
 * how both end. What its handlers decide stands in `nostream-model-handlers.ts`. The real one is in `nostream-relay.ts`.
 */

import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Filter, matchFilters } from 'nostr-tools/filter'
import { WebSocket, WebSocketServer } from 'ws'
import { ZodError } from 'zod'
import type { MessageHandlerFactory } from '../../adapters/relays/nostream/nostream.ts'
import type { NostreamHandler } from '../../adapters/relays/nostream/required-members.ts'
import type { ClientMessage, RelayMessage, SignedEvent } from '../../plugin/nostr/messages.ts'
import { ModelEvents, messageHandlerFactory } from './nostream-model-handlers.ts'
import { messageSchema } from './nostream-model-messages.ts'

export type ModelFactory = MessageHandlerFactory<ClientMessage, ModelAdapter>

/** What the model's operator has set. */
export interface ModelSettings {
  /** Seconds since the epoch. */
  readonly now: () => number
  /** Puts the gateway in. */
  readonly wrap: (factory: ModelFactory, url: string) => ModelFactory
  /** Pubkeys that may not publish. */
  readonly blocked?: readonly string[]
  /** Whether publishing needs authentication as the author. */
  readonly authRequired?: boolean
}

export interface NostreamModel {
  readonly url: string
  readonly events: ModelEvents
  /** Errors that only nostream's log would show. */
  readonly errors: readonly unknown[]
  readonly adapters: ReadonlySet<ModelAdapter>
  /** An event that another worker, or a mirror of another relay, has stored and shows. */
  broadcast(event: SignedEvent): void
  stop(): Promise<void>
}

export async function startNostreamModel(settings: ModelSettings): Promise<NostreamModel> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  const events = new ModelEvents()
  const errors: unknown[] = []
  const adapters = new Set<ModelAdapter>()
  const broadcast = (event: SignedEvent) => {
    for (const adapter of adapters) adapter.emit('event', event)
  }
  const factory = settings.wrap(messageHandlerFactory({ ...settings, url, events }), url)
  server.on('connection', (client, { socket: { remoteAddress = '' } }) => {
    const report = (error: unknown) => void errors.push(error)
    const adapter = new ModelAdapter(client, remoteAddress, factory, { broadcast, report })
    adapters.add(adapter)
    client.once('close', () => adapters.delete(adapter))
  })
  return {
    url,
    events,
    errors,
    adapters,
    broadcast,
    stop: async () => {
      for (const client of server.clients) client.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface ModelServer {
  broadcast(event: SignedEvent): void
  report(error: unknown): void
}

export class ModelAdapter extends EventEmitter {
  readonly client: WebSocket
  readonly #address: string
  readonly #factory: ModelFactory
  readonly #server: ModelServer
  readonly #subscriptions = new Map<string, readonly object[]>()
  readonly #challenge = randomBytes(16).toString('hex')
  readonly #authenticated = new Set<string>()
  readonly #running = new Set<NostreamHandler<ClientMessage>>()

  constructor(client: WebSocket, address: string, factory: ModelFactory, server: ModelServer) {
    super()
    this.client = client
    this.#address = address
    this.#factory = factory
    this.#server = server
    client.on('message', (data) => void this.#receive(String(data)))
    client.on('close', () => this.#end())
    this.on('message', (message: RelayMessage) => this.#write(message))
    this.on('event', (event: SignedEvent) => this.#show(event))
    this.on('broadcast', (event: SignedEvent) => server.broadcast(event))
    this.on('subscribe', (id: string, filters: object[]) => this.#subscriptions.set(id, filters))
    this.on('unsubscribe', (id: string) => this.#subscriptions.delete(id))
    this.#write(['AUTH', this.#challenge])
  }

  getClientAddress(): string {
    return this.#address
  }

  getSubscriptions(): ReadonlyMap<string, readonly object[]> {
    return this.#subscriptions
  }

  getChallenge(): string {
    return this.#challenge
  }

  getAuthenticatedPubkeys(): ReadonlySet<string> {
    return new Set(this.#authenticated)
  }

  addAuthenticatedPubkey(pubkey: string): void {
    this.#authenticated.add(pubkey)
  }

  /** Messages are handled all at once, each after a look at the rate limits. */
  async #receive(text: string): Promise<void> {
    let handler: NostreamHandler<ClientMessage> | undefined
    try {
      await Promise.resolve()
      const message = messageSchema.parse(JSON.parse(text)) as unknown as ClientMessage
      handler = this.#factory([message, this])
      if (handler.abort !== undefined) this.#running.add(handler)
      await handler.handleMessage(message)
    } catch (error) {
      if (error instanceof SyntaxError) this.#write(['NOTICE', `invalid: ${error.message}`])
      else if (error instanceof ZodError) this.#write(['NOTICE', `invalid: ${error.issues[0]?.message}`])
      else this.#server.report(error)
    } finally {
      if (handler !== undefined) this.#running.delete(handler)
    }
  }

  /** An event that was published just now. It does not come by `message`. */
  #show(event: SignedEvent): void {
    for (const [id, filters] of this.#subscriptions) {
      const matches = matchFilters(filters as Filter[], event)
      if (matches) this.#write(['EVENT', id, event])
    }
  }

  #write(message: RelayMessage): void {
    if (this.client.readyState === WebSocket.OPEN) this.client.send(JSON.stringify(message))
  }

  #end(): void {
    this.#subscriptions.clear()
    this.#authenticated.clear()
    for (const handler of this.#running) handler.abort?.()
    this.removeAllListeners()
    this.client.removeAllListeners()
  }
}
