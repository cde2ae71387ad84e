/** A complete relay on @nostr-relay/core that hands out key packages; events of other kinds are stored in memory. */

import common from '@nostr-relay/common'
import core from '@nostr-relay/core'
import { parseMessage } from 'keypackage-gateway'
import { keyPackages } from 'keypackage-gateway/nostr-relay'
import { matchFilter } from 'nostr-tools/filter'
import { WebSocketServer } from 'ws'

export function startRelay({ gateway, host, port }) {
  const options = { hostname: host, eventHandlingResultCacheTtl: 0 }
  const relay = new core.NostrRelay(new MemoryRepository(), options)
  relay.register(keyPackages(gateway, { findEvents: (filters) => relay.findEvents(filters) }))
  relay.register({ handleMessage: checkFilters })
  const server = new WebSocketServer({ host, port, maxPayload: 262_144 })
  server.on('connection', (socket, request) => {
    const send = socket.send.bind(socket)
    // The relay sends without waiting, so a client that does not read is disconnected.
    socket.send = (text) => (socket.bufferedAmount > 4_194_304 ? socket.terminate() : send(text))
    relay.handleConnection(socket, request.socket.remoteAddress)
    socket.on('message', (data, isBinary) => {
      const message = isBinary ? undefined : parseMessage(String(data))
      if (message === undefined) return socket.send('["NOTICE","invalid: not a Nostr message"]')
      relay.handleMessage(socket, message).catch(console.error)
    })
    socket.on('close', () => relay.handleDisconnect(socket))
    socket.on('error', () => socket.terminate())
  })
  return server
}

/** The relay does not check filters itself; `@nostr-relay/validator` checks these fields and more. */
async function checkFilters(ctx, message, next) {
  const [verb, , ...filters] = message
  const isValid = filters.flatMap((filter) => [filter?.ids, filter?.authors, filter?.kinds]).every(isList)
  if (verb !== 'REQ' || isValid) return next()
  ctx.sendMessage(['NOTICE', 'invalid: ids, authors and kinds of a filter must be arrays'])
}

const isList = (value) => value === undefined || Array.isArray(value)

class MemoryRepository extends common.EventRepository {
  #events = new Map()
  isSearchSupported = () => false
  destroy = async () => {}

  upsert(event) {
    const d = common.EventUtils.extractDTagValue(event)
    const slot = d === null ? event.id : `${event.kind}:${event.pubkey}:${d}`
    const isDuplicate = event.created_at <= this.#events.get(slot)?.created_at
    if (!isDuplicate) this.#events.set(slot, event)
    return { isDuplicate }
  }

  find(filter) {
    const found = [...this.#events.values()].filter((event) => matchFilter(filter, event))
    return found.sort((a, b) => b.created_at - a.created_at).slice(0, filter.limit)
  }
}
