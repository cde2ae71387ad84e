/** A minimal relay: events in memory, and the clients that are subscribed to them. */

import { matchFilters } from 'nostr-tools/filter'
import { isAddressableKind, isEphemeralKind, isReplaceableKind } from 'nostr-tools/kinds'
import { verifyEvent } from 'nostr-tools/pure'

export class Events {
  clients = new Set()
  #stored = new Map()

  /** Returns the answers to a client's message. */
  handle(client, [verb, subject, ...filters]) {
    if (verb === 'EVENT') return [this.#publish(subject)]
    if (verb === 'AUTH') return [['OK', subject.id, false, 'invalid: the challenge is not from this relay']]
    const isKnown = ['REQ', 'COUNT', 'CLOSE'].includes(verb) && typeof subject === 'string'
    if (!isKnown) return [['NOTICE', 'invalid: unknown message type']]
    client.subscriptions.delete(subject)
    if (verb === 'CLOSE') return []
    if (!filters.every(isFilter)) return [['CLOSED', subject, 'invalid: not a valid filter']]
    if (verb === 'COUNT') return [['COUNT', subject, { count: this.#find(filters).length }]]
    if (client.subscriptions.size >= 100) return [['CLOSED', subject, 'blocked: too many subscriptions']]
    client.subscriptions.set(subject, filters)
    return [...this.#find(filters).map((event) => ['EVENT', subject, event]), ['EOSE', subject]]
  }

  /** Stores an event, unless it has a newer version of a replaceable one, and sends it to subscribers. */
  #publish(event) {
    if (!verifyEvent(event)) return ['OK', event.id, false, 'invalid: wrong id or signature']
    const { id, kind, pubkey, tags } = event
    const d = isAddressableKind(kind) ? tags.find(([name]) => name === 'd')?.[1] : ''
    const slot = isAddressableKind(kind) || isReplaceableKind(kind) ? `${kind}:${pubkey}:${d}` : id
    if (this.#stored.get(slot)?.created_at >= event.created_at)
      return ['OK', id, true, 'duplicate: already have this event, or a newer one']
    if (!isEphemeralKind(kind)) this.#stored.set(slot, event)
    if (this.#stored.size > 10_000) this.#stored.delete(this.#stored.keys().next().value)
    for (const client of this.clients) client.offer(event)
    return ['OK', id, true, '']
  }

  #find(filters) {
    const found = [...this.#stored.values()].filter((event) => matchFilters(filters, event))
    const maxLimit = Math.max(...filters.map(({ limit = found.length }) => limit))
    return found.sort((a, b) => b.created_at - a.created_at).slice(0, maxLimit)
  }
}

function isFilter(filter) {
  const isPart = ([name, value]) =>
    /^(since|until|limit)$/.test(name) ? Number.isFinite(value) : Array.isArray(value) || name === 'search'
  return typeof filter === 'object' && filter !== null && Object.entries(filter).every(isPart)
}
