/** Connections of a server to its clients, with access to both ends of each socket. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ClientOptions, type WebSocket, WebSocketServer } from 'ws'
import { ownLimits } from '../../adapters/relays/server/client-limits.ts'
import { ClientConnection } from '../../adapters/relays/server/connection.ts'
import { MessageTurns } from '../../adapters/relays/server/message-turns.ts'
import { Refused } from '../../adapters/relays/server/refused.ts'
import type { Relay } from '../../adapters/relays/server/relay-behind.ts'
import { type ServerOptions, serverOptionsSchema } from '../../adapters/relays/server/server-options.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { Connection, GatewaySession } from '../../plugin/connection.ts'
import { silent } from '../../plugin/context.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { RelayMessage } from '../../plugin/nostr/messages.ts'
import { Client } from './client.ts'
import { NOW } from './key-packages.ts'
import { verifyEvent } from './signing.ts'

/** A connection and both ends of its socket. */
interface Pair {
  readonly connection: ClientConnection
  readonly serverSocket: WebSocket
  readonly client: Client
}

interface PairSettings {
  readonly options?: Partial<ServerOptions>
  readonly relay?: Relay
  readonly client?: ClientOptions
  /** 127.0.0.1 by default. */
  readonly address?: string
  /** Whose connection it is, as if the relay had authenticated them. */
  readonly authenticated?: string
  /** One of its own by default. */
  readonly turns?: MessageTurns
  /** Wraps the gateway's session. */
  readonly wrap?: (session: GatewaySession, socket: WebSocket, connection: Connection) => GatewaySession
}

export class Connections {
  readonly store = memoryStore()
  readonly gateway = new KeyPackageGateway({ store: this.store, clock: () => NOW * 1000, verifyEvent })
  readonly #server: WebSocketServer

  private constructor(server: WebSocketServer) {
    this.#server = server
  }

  static async listen(): Promise<Connections> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await once(server, 'listening')
    return new Connections(server)
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
  }

  async connect({
    options = {},
    relay = relayThat(async () => []),
    client = {},
    address = '127.0.0.1',
    authenticated,
    turns,
    wrap,
  }: PairSettings = {}): Promise<Pair> {
    const parsed = serverOptionsSchema.parse(options)
    const accepted = once(this.#server, 'connection')
    const { port } = this.#server.address() as AddressInfo
    // Who is authenticated already is not met with a challenge.
    const meet = authenticated === undefined ? Client.greeted : Client.connect
    const connected = meet(`ws://127.0.0.1:${port}`, client)
    const [serverSocket, { socket: stream }] = (await accepted) as [WebSocket, IncomingMessage]
    const connection = new ClientConnection({
      socket: serverSocket,
      stream,
      address,
      host: undefined,
      openSession: (settings) => {
        const whose = authenticated === undefined ? {} : { authenticated: () => [authenticated] }
        const session = this.gateway.session({ ...settings, ...whose })
        return wrap?.(session, serverSocket, settings) ?? session
      },
      relay,
      options: parsed,
      turns: turns ?? new MessageTurns(parsed),
      countBadSignature: () => 'tolerated',
      limits: ownLimits(options),
      refused: new Refused({ log: silent, clock: Date.now }),
      report: (error) => {
        throw error
      },
    })
    return { connection, serverSocket, client: await connected }
  }

  /** Waits for many round trips of another client, long enough for anything the server would still do. */
  async progressElsewhere(): Promise<void> {
    const { client } = await this.connect({ relay: relayThat(async () => [['NOTICE', 'pong']]) })
    for (let trips = 0; trips < 100; trips += 1) await client.ask('PING')
  }
}

/** A relay that answers every message in the same way. */
export function relayThat(handle: () => Promise<RelayMessage[]>): Relay {
  return { connect: () => ({ handle, close: () => {} }) }
}

/** A session's methods, to be overridden by one. */
export function methodsOf(session: GatewaySession): GatewaySession {
  return {
    fromClient: (message) => session.fromClient(message),
    accept: (event) => session.accept(event),
    fromRelay: (message) => session.fromRelay(message),
    close: () => session.close(),
  }
}
