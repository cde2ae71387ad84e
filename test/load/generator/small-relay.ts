/**
 * A small relay (NIP-01, 45) to stand behind the proxy as a program of its own. It shares the machine with what is measured, so it keeps
 * little: the newest notes, and the newest of each replaceable event. It verifies nothing.
 */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Filter, matchFilters } from 'nostr-tools/filter'
import { isAddressableKind, isReplaceableKind } from 'nostr-tools/kinds'
import type { Event } from 'nostr-tools/pure'
import { type WebSocket, WebSocketServer } from 'ws'

export const SMALL_RELAY = fileURLToPath(import.meta.url)

const MOST_EVENTS = 5000
const MOST_FOUND = 500

class SmallRelay {
  readonly #events = new Map<string, Event>()
  readonly #byAuthor = new Map<string, Set<Event>>()
  readonly #feeds = new Map<WebSocket, Map<string, Filter[]>>()

  handle(socket: WebSocket, [verb, subject, ...rest]: readonly unknown[]): void {
    const answer = (...message: readonly unknown[]) => socket.send(JSON.stringify(message))
    if (verb === 'EVENT') {
      const event = subject as Event
      answer('OK', event.id, true, '')
      if (this.keep(event)) this.#tell(event)
    }
    if (verb === 'REQ') {
      const feeds = this.#feeds.get(socket) ?? new Map<string, Filter[]>()
      this.#feeds.set(socket, feeds.set(String(subject), rest as Filter[]))
      for (const event of this.#find(rest as Filter[])) answer('EVENT', subject, event)
      answer('EOSE', subject)
    }
    if (verb === 'COUNT') answer('COUNT', subject, { count: this.#find(rest as Filter[]).length })
    if (verb === 'CLOSE') this.#feeds.get(socket)?.delete(String(subject))
  }

  leave(socket: WebSocket): void {
    this.#feeds.delete(socket)
  }

  /** Whether it is new. */
  keep(event: Event): boolean {
    const key = keyOf(event)
    const older = this.#events.get(key)
    if (older !== undefined && older.created_at >= event.created_at) return false
    if (older !== undefined) this.#drop(key, older)
    this.#events.set(key, event)
    const own = this.#byAuthor.get(event.pubkey) ?? new Set()
    this.#byAuthor.set(event.pubkey, own.add(event))
    const [[oldestKey, oldest] = []] = this.#events
    if (this.#events.size > MOST_EVENTS && oldestKey !== undefined && oldest !== undefined)
      this.#drop(oldestKey, oldest)
    return true
  }

  #drop(key: string, event: Event): void {
    this.#events.delete(key)
    const own = this.#byAuthor.get(event.pubkey)
    own?.delete(event)
    if (own?.size === 0) this.#byAuthor.delete(event.pubkey)
  }

  #find(filters: Filter[]): Event[] {
    return filters.flatMap((filter) => {
      const { authors, ids, limit = MOST_FOUND } = filter
      if (limit === 0) return []
      const candidates = authors?.flatMap((author) => [...(this.#byAuthor.get(author) ?? [])])
      const byId = ids?.flatMap((id) => this.#events.get(id) ?? [])
      const found = (byId ?? candidates ?? [...this.#events.values()]).filter((event) =>
        matchFilters([filter], event),
      )
      return found.sort((a, b) => b.created_at - a.created_at).slice(0, Math.min(limit, MOST_FOUND))
    })
  }

  #tell(event: Event): void {
    for (const [socket, feeds] of this.#feeds)
      for (const [id, filters] of feeds)
        if (matchFilters(filters, event)) socket.send(JSON.stringify(['EVENT', id, event]))
  }
}

/** What there is one event of at a time. */
function keyOf({ id, kind, pubkey, tags }: Event): string {
  if (isReplaceableKind(kind)) return `${kind}:${pubkey}`
  if (!isAddressableKind(kind)) return id
  return `${kind}:${pubkey}:${tags.find(([name]) => name === 'd')?.[1] ?? ''}`
}

/** Prints its address on standard output. */
async function serve(): Promise<void> {
  const relay = new SmallRelay()
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  server.on('connection', (socket) => {
    socket.on('message', (data) => relay.handle(socket, JSON.parse(String(data))))
    socket.on('error', () => {})
    socket.on('close', () => relay.leave(socket))
  })
  await once(server, 'listening')
  process.stdout.write(`ws://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
}

if (process.argv[1] === SMALL_RELAY) await serve()
