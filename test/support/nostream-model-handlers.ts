/** The message handlers of the model of nostream: what they check, store, answer and show, in nostream's words. */

import { setImmediate } from 'node:timers/promises'
import { type Filter, matchFilters } from 'nostr-tools/filter'
import { isAddressableKind, isReplaceableKind } from 'nostr-tools/kinds'
import type { Event } from 'nostr-tools/pure'
import type {
  NostreamEventHandler,
  NostreamHandler,
} from '../../adapters/relays/nostream/required-members.ts'
import type { ClientMessage, RelayMessage, SignedEvent } from '../../plugin/nostr/messages.ts'
import { readUrl } from '../../plugin/read-url.ts'
import type { ModelAdapter, ModelFactory, ModelSettings } from './nostream-model.ts'
import { verifyEvent } from './signing.ts'

const INNER_KINDS = [13, 14, 15, 444]

export interface ModelHouse extends Omit<ModelSettings, 'wrap'> {
  readonly url: string
  readonly events: ModelEvents
}

/** nostream's database. It answers in a turn of its own, as a database does. */
export class ModelEvents {
  readonly #events = new Map<string, Event>()
  readonly vanished = new Set<string>()

  async put(event: SignedEvent): Promise<boolean> {
    await setImmediate()
    const slot = slotOf(event)
    const older = [...this.#events.values()].find((other) => slot !== undefined && slotOf(other) === slot)
    if (this.#events.has(event.id) || (older?.created_at ?? 0) > event.created_at) return false
    if (older !== undefined) this.#events.delete(older.id)
    this.#events.set(event.id, event)
    return true
  }

  async find(filters: readonly object[]): Promise<SignedEvent[]> {
    await setImmediate()
    const newestFirst = [...this.#events.values()].sort((a, b) => b.created_at - a.created_at)
    return newestFirst.filter((event) => matchFilters(filters as Filter[], event))
  }

  remove(isMeant: (event: Event) => boolean): void {
    for (const event of this.#events.values()) if (isMeant(event)) this.#events.delete(event.id)
  }
}

export function messageHandlerFactory(house: ModelHouse): ModelFactory {
  return ([message, adapter]) => {
    switch (message[0]) {
      case 'EVENT':
        return new EventHandler(adapter, house)
      case 'REQ':
        return new SubscribeHandler(adapter, house)
      case 'CLOSE':
        return { handleMessage: async ([, id]) => void adapter.emit('unsubscribe', id) }
      case 'COUNT':
        return { handleMessage: (count) => answerCount(count, adapter, house) }
      case 'AUTH':
        return { handleMessage: (auth) => authenticate(auth, adapter, house) }
      default:
        throw new Error(`Unknown message type: ${message[0]}`)
    }
  }
}

class EventHandler implements NostreamEventHandler<ClientMessage> {
  readonly #adapter: ModelAdapter
  readonly #house: ModelHouse
  strategyFactory: NostreamEventHandler<ClientMessage>['strategyFactory']

  constructor(adapter: ModelAdapter, house: ModelHouse) {
    this.#adapter = adapter
    this.#house = house
    this.strategyFactory = () => ({ execute: (event) => keep(event, adapter, house) })
  }

  async handleMessage([, body]: ClientMessage): Promise<void> {
    const event = body as SignedEvent
    await setImmediate()
    const reason = this.#objection(event)
    if (reason !== undefined) return say(this.#adapter, ['OK', event.id, false, reason])
    await this.strategyFactory([event, this.#adapter]).execute(event)
  }

  #objection(event: SignedEvent): string | undefined {
    const { url, now, blocked = [], authRequired = false, events } = this.#house
    const isAuthor = this.#adapter.getAuthenticatedPubkeys().has(event.pubkey)
    const tags = (name: string) => event.tags.filter((tag) => tag[0] === name).map(([, value]) => value)
    if (!verifyEvent(event)) return 'invalid: event signature verification failed'
    if (event.kind === 62 && !tags('relay').every((relay) => relay === url || relay === 'ALL_RELAYS')) {
      return 'invalid: request to vanish relay tag invalid'
    }
    if (INNER_KINDS.includes(event.kind))
      return `blocked: kind ${event.kind} events must not be published directly`
    if (event.kind === 22242) return 'invalid: auth events must be sent using the AUTH message type'
    if (event.created_at > now() + 900) return 'rejected: created_at is more than 900 seconds in the future'
    if (tags('expiration').some((time) => Number(time) <= now())) return 'event is expired'
    if (blocked.includes(event.pubkey)) return 'blocked: pubkey not allowed'
    if (authRequired && !isAuthor) return 'auth-required: authentication is required to publish events'
    if (tags('-').length > 0 && !isAuthor) {
      return 'auth-required: this event may only be published by its author'
    }
    return events.vanished.has(event.pubkey) ? 'blocked: request to vanish active for pubkey' : undefined
  }
}

/** What nostream's strategies do. */
async function keep(event: SignedEvent, adapter: ModelAdapter, { events }: ModelHouse): Promise<void> {
  const named = event.tags.filter(([name]) => name === 'e').map(([, id]) => id)
  if (event.kind === 5) events.remove(({ id, pubkey }) => pubkey === event.pubkey && named.includes(id))
  if (event.kind === 62) {
    events.remove(({ pubkey }) => pubkey === event.pubkey)
    events.vanished.add(event.pubkey)
  }
  const isNew = await events.put(event)
  say(adapter, ['OK', event.id, true, isNew ? '' : 'duplicate:'])
  if (isNew) adapter.emit('broadcast', event)
}

class SubscribeHandler implements NostreamHandler<ClientMessage> {
  readonly #adapter: ModelAdapter
  readonly #house: ModelHouse
  readonly #aborting = new AbortController()

  constructor(adapter: ModelAdapter, house: ModelHouse) {
    this.#adapter = adapter
    this.#house = house
  }

  abort(): void {
    this.#aborting.abort()
  }

  async handleMessage([, id, ...filters]: ClientMessage): Promise<void> {
    const open = this.#adapter.getSubscriptions().get(String(id))
    if (JSON.stringify(open) === JSON.stringify(filters)) {
      const why = `Subscription rejected: Duplicate subscription ${id}: Ignoring`
      return say(this.#adapter, ['NOTICE', why])
    }
    this.#adapter.emit('subscribe', id, filters)
    for (const event of await this.#house.events.find(filters as object[])) {
      this.#aborting.signal.throwIfAborted()
      say(this.#adapter, ['EVENT', id, event])
    }
    this.#aborting.signal.throwIfAborted()
    say(this.#adapter, ['EOSE', id])
  }
}

async function answerCount([, id, ...filters]: ClientMessage, adapter: ModelAdapter, house: ModelHouse) {
  const { length } = await house.events.find(filters as object[])
  say(adapter, ['COUNT', id, { count: length }])
}

async function authenticate([, body]: ClientMessage, adapter: ModelAdapter, { url, now }: ModelHouse) {
  const event = body as SignedEvent
  const value = (name: string) => event.tags.find((tag) => tag[0] === name)?.[1] ?? ''
  const isRight =
    event.kind === 22242 &&
    verifyEvent(event) &&
    Math.abs(now() - event.created_at) <= 600 &&
    value('challenge') === adapter.getChallenge() &&
    readUrl(value('relay'))?.hostname === new URL(url).hostname
  if (isRight) adapter.addAuthenticatedPubkey(event.pubkey)
  say(adapter, ['OK', event.id, isRight, isRight ? '' : 'invalid: challenge does not match'])
}

function say(adapter: ModelAdapter, message: RelayMessage): void {
  adapter.emit('message', message)
}

/** What there is one event of at a time. */
function slotOf({ kind, pubkey, tags }: Pick<SignedEvent, 'kind' | 'tags'> & { pubkey: string }) {
  if (isReplaceableKind(kind)) return `${kind}:${pubkey}`
  if (!isAddressableKind(kind)) return undefined
  return `${kind}:${pubkey}:${tags.find(([name]) => name === 'd')?.[1] ?? ''}`
}
