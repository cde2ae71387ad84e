/**
 * The relay behind the standalone server: it stores relay lists (kinds 10002, 10050 and 10051) and nothing else, so that
 * clients find an author's key packages and inbox.
 */

import { matchFilter } from 'nostr-tools/filter'
import { DELETION_KIND, VANISH_KIND } from '../../../plugin/lifecycle/deletion.ts'
import { followListOf } from '../../../plugin/lifecycle/follow-list.ts'
import { checkRelayList, RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { isSignedEvent } from '../../../plugin/nostr/event.ts'
import type { ClientMessage, EventId, RelayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { refusedReplies } from '../../../plugin/request/replies.ts'
import { checkSubscriptionId } from '../../../plugin/request/subscriptions.ts'
import { alone, type Channel, type Siblings } from '../../../plugin/siblings.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import type { Relay, RelayClient, RelayConnection } from '../server/relay-behind.ts'
import { type ListFilter, readFilters } from './list-filters.ts'
import { ListSubscriptions, ListWatchers } from './list-subscriptions.ts'

export interface RelayListRelaySettings {
  readonly store: Pick<KeyPackageStore, 'putRelayList' | 'getRelayLists'>
  /** Seconds since the epoch. */
  readonly now: () => number
  /** Receives the store's errors; clients are only told that there was one. */
  readonly report: (error: unknown) => void
  /** Their clients see what is published here, and the other way round. None by default. */
  readonly siblings?: Siblings
}

/** What is not kept here is answered as a newer list or a deletion says. */
const NOT_KEPT = {
  stale: [true, 'duplicate: have a newer relay list'],
  deleted: [false, 'blocked: deleted by its author'],
} as const
const FOLLOW_LIST_NOT_KEPT =
  'not kept: this relay only notes whom the authors of its key packages follow, and serves no such lists'
const MAX_ANNOUNCED = 10_000

export class RelayListRelay implements Relay {
  readonly #settings: RelayListRelaySettings
  readonly #watchers = new ListWatchers()
  readonly #channel: Channel<SignedEvent>
  /** The most recently announced lists by author and kind, oldest first. */
  readonly #announced = new Map<string, EventId>()

  constructor(settings: RelayListRelaySettings) {
    this.#settings = settings
    this.#channel = (settings.siblings ?? alone).channel('relay lists')
    this.#channel.hear((event) => this.#show(event))
  }

  connect(client: RelayClient): RelayConnection {
    const send = (id: string, event: SignedEvent) => client.send(['EVENT', id, event])
    const subscriptions = new ListSubscriptions(this.#watchers, send)
    return {
      handle: (message) => this.#handle(message, subscriptions),
      close: () => subscriptions.closeAll(),
    }
  }

  /** Answers one message of somebody who does not stay. */
  async ask(message: ClientMessage): Promise<readonly RelayMessage[]> {
    const subscriptions = new ListSubscriptions(this.#watchers, () => {})
    const replies = await this.#handle(message, subscriptions)
    subscriptions.closeAll()
    return replies
  }

  async #handle(message: ClientMessage, subscriptions: ListSubscriptions): Promise<readonly RelayMessage[]> {
    try {
      return await this.#dispatch(message, subscriptions)
    } catch (error) {
      const [verb, id] = message
      if (verb === 'REQ' && typeof id === 'string') subscriptions.close(id)
      if (error instanceof Refusal) return refusedReplies(message, error)
      this.#settings.report(error)
      return refusedReplies(message, new Refusal('error', 'relay lists are unavailable, try again'))
    }
  }

  async #dispatch(
    message: ClientMessage,
    subscriptions: ListSubscriptions,
  ): Promise<readonly RelayMessage[]> {
    const [verb, subject, ...rest] = message
    switch (verb) {
      case 'EVENT':
        return this.#publish(subject)
      case 'REQ':
        return this.#request(subscriptionId(subject), rest, subscriptions)
      case 'COUNT':
        return [['COUNT', subscriptionId(subject), { count: (await this.#find(readFilters(rest))).length }]]
      case 'CLOSE':
        subscriptions.close(subscriptionId(subject))
        return []
      case 'AUTH':
        throw new Refusal('invalid', 'the challenge is not from this relay')
      case 'NEG-OPEN':
        throw new Refusal('blocked', 'this relay does not support negentropy')
      default:
        throw new Refusal('invalid', `unknown message type ${JSON.stringify(verb.slice(0, 32))}`)
    }
  }

  async #publish(event: unknown): Promise<RelayMessage[]> {
    if (!isSignedEvent(event)) throw new Refusal('invalid', 'not a valid NIP-01 event')
    // The gateway has already applied them.
    if (event.kind === DELETION_KIND || event.kind === VANISH_KIND) return [['OK', event.id, true, '']]
    // The gateway learns it with this OK. The same words for everybody: they say nothing about who has packages.
    if (followListOf(event) !== undefined) return [['OK', event.id, true, FOLLOW_LIST_NOT_KEPT]]
    if (!RELAY_LIST_KINDS.includes(event.kind))
      throw new Refusal('blocked', 'this relay stores only key packages and relay lists')
    checkRelayList(event)
    if (this.#hasExpired(event)) throw new Refusal('invalid', 'the event has expired')
    const outcome = await this.#settings.store.putRelayList(event, this.#settings.now())
    if (outcome === 'stale' || outcome === 'deleted') return [['OK', event.id, ...NOT_KEPT[outcome]]]
    if (this.#announced.get(nameOf(event)) === event.id) {
      return [['OK', event.id, true, 'duplicate: already have this relay list']]
    }
    this.#show(event)
    this.#channel.tell(event)
    return [['OK', event.id, true, '']]
  }

  /**
   * Sends a new list to the open subscriptions. The store cannot say whether a list is new, because the gateway may have
   * stored it already.
   */
  #show(event: SignedEvent): void {
    const [oldest] = this.#announced.size < MAX_ANNOUNCED ? [] : this.#announced.keys()
    if (oldest !== undefined) this.#announced.delete(oldest)
    this.#announced.set(nameOf(event), event.id)
    this.#watchers.tell(event)
  }

  async #request(
    id: string,
    asked: readonly unknown[],
    subscriptions: ListSubscriptions,
  ): Promise<RelayMessage[]> {
    const filters = readFilters(asked)
    subscriptions.open(id, filters)
    const events = await this.#find(filters)
    return [...events.map((event): RelayMessage => ['EVENT', id, event]), ['EOSE', id]]
  }

  /** The stored lists that the filters match, newest first within each filter. */
  async #find(filters: readonly ListFilter[]): Promise<SignedEvent[]> {
    const [authors, kinds] = [
      new Set(filters.flatMap((filter) => filter.authors)),
      new Set(filters.flatMap((filter) => filter.kinds)),
    ]
    if (authors.size === 0) return []
    const lists = (await this.#settings.store.getRelayLists([...authors], [...kinds]))
      .filter((event) => !this.#hasExpired(event))
      .sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1))
    return [...new Set(filters.flatMap((filter) => select(lists, filter)))]
  }

  /** Whether its NIP-40 expiration has passed. */
  #hasExpired({ tags }: SignedEvent): boolean {
    return tags.some(([name, time]) => name === 'expiration' && Number(time) <= this.#settings.now())
  }
}

function select(lists: readonly SignedEvent[], filter: ListFilter): SignedEvent[] {
  return lists.filter((event) => matchFilter(filter, event)).slice(0, filter.limit)
}

function nameOf({ kind, pubkey }: SignedEvent): string {
  return `${kind}:${pubkey}`
}

function subscriptionId(id: unknown): string {
  checkSubscriptionId(id)
  return id
}
