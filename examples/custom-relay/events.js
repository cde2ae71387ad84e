/** The relay's own work, as little of it as there can be: events in memory, and who is subscribed to them. */

import { matchFilters } from 'nostr-tools/filter'
import { isAddressableKind, isEphemeralKind, isReplaceableKind } from 'nostr-tools/kinds'
import { verifyEvent } from 'nostr-tools/pure'

export class Events {
  clients = new Set()
  #kept = new Map()

  /** What answers a client's message. */
  handle(client, [verb, subject, ...filters]) {
    if (verb === 'EVENT') return [this.#publish(subject)]
    if (verb === 'AUTH') return [['OK', subject.id, false, 'invalid: this answers no challenge of ours']]
    const isKnown = ['REQ', 'COUNT', 'CLOSE'].includes(verb) && typeof subject === 'string'
    if (!isKnown) return [['NOTICE', 'invalid: unknown message']]
    client.subscriptions.delete(subject)
    if (verb === 'CLOSE') return []
    if (!filters.every(isFilter)) return [['CLOSED', subject, 'invalid: this is no filter']]
    if (verb === 'COUNT') return [['COUNT', subject, { count: this.#find(filters).length }]]
    if (client.subscriptions.size >= 100) return [['CLOSED', subject, 'blocked: too many subscriptions']]
    client.subscriptions.set(subject, filters)
    return [...this.#find(filters).map((event) => ['EVENT', subject, event]), ['EOSE', subject]]
  }

  /** The newest of what is replaced stays; subscriptions show an event as it comes in. */
  #publish(event) {
    if (!verifyEvent(event)) return ['OK', event.id, false, 'invalid: the id or the signature is wrong']
    const { id, kind, pubkey, tags } = event
    const d = isAddressableKind(kind) ? tags.find(([name]) => name === 'd')?.[1] : ''
    const slot = isAddressableKind(kind) || isReplaceableKind(kind) ? `${kind}:${pubkey}:${d}` : id
    if (this.#kept.get(slot)?.created_at >= event.created_at) return ['OK', id, true, 'duplicate: known']
    if (!isEphemeralKind(kind)) this.#kept.set(slot, event)
    if (this.#kept.size > 10_000) this.#kept.delete(this.#kept.keys().next().value)
    for (const client of this.clients) client.hear(event)
    return ['OK', id, true, '']
  }

  #find(filters) {
    const found = [...this.#kept.values()].filter((event) => matchFilters(filters, event))
    const most = Math.max(...filters.map(({ limit = found.length }) => limit))
    return found.sort((a, b) => b.created_at - a.created_at).slice(0, most)
  }
}

function isFilter(filter) {
  const isPart = ([name, value]) =>
    /^(since|until|limit)$/.test(name) ? Number.isFinite(value) : Array.isArray(value) || name === 'search'
  return typeof filter === 'object' && filter !== null && Object.entries(filter).every(isPart)
}
