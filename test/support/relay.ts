/** A real relay, `@nostr-relay/core`, on a WebSocket and with its events in memory, to stand behind the gateway. */

import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import common from '@nostr-relay/common'
import core, { type NostrRelay } from '@nostr-relay/core'
import { type Filter, matchFilters } from 'nostr-tools/filter'
import { isAddressableKind, isReplaceableKind } from 'nostr-tools/kinds'
import type { Event } from 'nostr-tools/pure'
import { type WebSocket, WebSocketServer } from 'ws'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'

export interface RelaySettings {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** As clients know it: with it the relay asks them to authenticate (NIP-42). */
  readonly hostname?: string
  /** Without a hostname: whether it says OK to any AUTH, as this relay does by itself, or refuses it, as others do. */
  readonly answersAuth?: 'never' | 'always'
  /** With them it speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** In the order in which they are registered. */
  readonly plugins?: readonly Parameters<NostrRelay['register']>[0][]
  /**
   * For how many milliseconds it repeats what became of an event without asking its plugins. 0 by default: the relay makes room
   * for a hundred thousand such answers when it starts, which takes it longer than most tests.
   */
  readonly repeatsFor?: number
  /** By default that of the connection. */
  readonly addressOf?: (request: IncomingMessage) => string | undefined
}

export interface TestRelay {
  readonly url: string
  readonly port: number
  /** Every frame that came in, as it came. */
  readonly received: readonly string[]
  /** The handshakes of its clients. */
  readonly handshakes: readonly IncomingMessage[]
  readonly sockets: ReadonlySet<WebSocket>
  /** The relay itself, for what its own program does. */
  readonly program: NostrRelay
  /** Stores an event as if it had been there before, or synchronised: it is not sent to subscriptions. */
  keep(event: SignedEvent): void
  stop(): Promise<void>
}

/** What its information document says (NIP-11). */
export const INFORMATION = {
  name: 'a relay',
  pubkey: 'f'.repeat(64),
  supported_nips: [1, 11, 45],
  supported_mips: [1, 2, 3],
  limitation: { max_message_length: 65_536, max_subscriptions: 2000, max_limit: 500 },
  retention: [{ time: 3600 }],
}

export async function startRelay({
  port = 0,
  hostname,
  answersAuth = 'never',
  tls,
  plugins = [],
  repeatsFor = 0,
  addressOf = ({ socket }) => socket.remoteAddress,
}: RelaySettings = {}): Promise<TestRelay> {
  const repository = new MemoryRepository()
  const relay = new core.NostrRelay(repository, {
    ...(hostname !== undefined && { hostname }),
    logLevel: common.LogLevel.ERROR,
    filterResultCacheTtl: 0,
    eventHandlingResultCacheTtl: repeatsFor,
    maxSubscriptionsPerClient: 100,
  })
  for (const plugin of plugins) relay.register(plugin)
  const answerRequest: RequestListener = (request, response) => {
    const isDocument = request.headers.accept === 'application/nostr+json'
    response.setHeader('content-type', isDocument ? 'application/nostr+json' : 'text/html')
    if (isDocument) response.end(JSON.stringify(INFORMATION))
    else request.pipe(response)
  }
  const http = tls === undefined ? createServer(answerRequest) : createSecureServer(tls, answerRequest)
  const server = new WebSocketServer({ server: http })
  const received: string[] = []
  const handshakes: IncomingMessage[] = []
  server.on('connection', (socket, request) => {
    handshakes.push(request)
    relay.handleConnection(socket, addressOf(request))
    socket.on('message', (data) => {
      received.push(String(data))
      answer(socket, String(data))
    })
    socket.on('close', () => relay.handleDisconnect(socket))
  })

  const answer = (socket: WebSocket, text: string) => {
    const message = parse(text)
    if (message === undefined) return socket.send('["NOTICE","invalid: not a message"]')
    if (message[0] === 'AUTH' && hostname === undefined && answersAuth === 'never') {
      const { id } = Object(message[1])
      return socket.send(JSON.stringify(['OK', id, false, 'invalid: nobody asked for this']))
    }
    // NIP-45, which the relay itself has not.
    if (message[0] !== 'COUNT') return void relay.handleMessage(socket, message as never)
    const [, id, ...filters] = message
    const count = repository.findAll(filters as Filter[]).length
    socket.send(JSON.stringify(['COUNT', id, { count }]))
  }

  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  const bound = (http.address() as AddressInfo).port
  return {
    url: `${tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${bound}`,
    port: bound,
    received,
    handshakes,
    sockets: server.clients,
    program: relay,
    keep: (event) => void repository.upsert(event),
    stop: async () => {
      const closed = new Promise((resolve) => http.close(resolve))
      for (const socket of server.clients) socket.terminate()
      http.closeAllConnections()
      await closed
      await relay.destroy()
    },
  }
}

/** Events by id; of a replaceable or addressable one the newest stays (NIP-01). */
class MemoryRepository extends common.EventRepository {
  readonly #events = new Map<string, Event>()

  isSearchSupported(): boolean {
    return false
  }

  upsert(event: Event): { isDuplicate: boolean } {
    const slot = slotOf(event)
    const older = slot === undefined ? undefined : [...this.#events.values()].find((e) => slotOf(e) === slot)
    if (older !== undefined && older.created_at >= event.created_at) return { isDuplicate: true }
    if (older !== undefined) this.#events.delete(older.id)
    const isDuplicate = this.#events.has(event.id)
    this.#events.set(event.id, event)
    return { isDuplicate }
  }

  find(filter: Filter): Event[] {
    return this.findAll([filter])
  }

  findAll(filters: Filter[]): Event[] {
    const newestFirst = [...this.#events.values()].sort(
      (a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1),
    )
    const limit = Math.max(...filters.map((filter) => filter.limit ?? Number.POSITIVE_INFINITY))
    return newestFirst.filter((event) => matchFilters(filters, event)).slice(0, limit)
  }

  async destroy(): Promise<void> {}
}

/** What there is one event of at a time. */
function slotOf({ kind, pubkey, tags }: Event): string | undefined {
  if (isReplaceableKind(kind)) return `${kind}:${pubkey}`
  if (!isAddressableKind(kind)) return undefined
  return `${kind}:${pubkey}:${tags.find(([name]) => name === 'd')?.[1] ?? ''}`
}

function parse(text: string): unknown[] | undefined {
  try {
    const message: unknown = JSON.parse(text)
    return Array.isArray(message) ? message : undefined
  } catch {
    return undefined
  }
}
