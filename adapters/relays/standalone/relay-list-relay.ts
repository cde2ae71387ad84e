/**
 * The relay behind the standalone server: it stores relay lists (kind 10051) and nothing else, so that clients find
 * them.
 */

import { type Filter, matchFilter } from 'nostr-tools/filter'
import { z } from 'zod'
import { DELETION_KIND, VANISH_KIND } from '../../../plugin/lifecycle/deletion.ts'
import { RELAY_LIST_KIND } from '../../../plugin/lifecycle/relay-list.ts'
import { isSignedEvent } from '../../../plugin/nostr/event.ts'
import { idsOrPubkeys, texts, wholeNumbers } from '../../../plugin/nostr/filters.ts'
import type {
  ClientMessage,
  EventId,
  Pubkey,
  RelayMessage,
  SignedEvent,
} from '../../../plugin/nostr/messages.ts'
import { Refusal, refusalMessage } from '../../../plugin/nostr/refusal.ts'
import { checkSubscriptionId } from '../../../plugin/request/subscriptions.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import type { Relay, RelayClient, RelayConnection } from '../server/relay-behind.ts'

export interface RelayListRelaySettings {
  readonly store: Pick<KeyPackageStore, 'putRelayList' | 'getRelayLists'>
  /** Seconds since the epoch. */
  readonly now: () => number
  /** Receives the store's errors; clients are only told that there was one. */
  readonly report: (error: unknown) => void
}

/** The filters of a client's open subscriptions, by subscription id. */
type Subscriptions = Map<string, readonly Filter[]>

/** Every new relay list is matched against every open filter. */
const MAX_FILTERS = 20
const MAX_ANNOUNCED = 10_000
const wholeNumber = z.number().int().min(0)
const filterSchema = z
  .object({
    ids: idsOrPubkeys,
    authors: idsOrPubkeys,
    kinds: wholeNumbers,
    since: wholeNumber,
    until: wholeNumber,
    limit: wholeNumber,
  })
  .partial()

export class RelayListRelay implements Relay {
  readonly #settings: RelayListRelaySettings
  readonly #watchers = new Set<(event: SignedEvent) => void>()
  /** The most recently announced lists, oldest first. */
  readonly #announced = new Map<Pubkey, EventId>()

  constructor(settings: RelayListRelaySettings) {
    this.#settings = settings
  }

  connect(client: RelayClient): RelayConnection {
    const subscriptions: Subscriptions = new Map()
    const watcher = (event: SignedEvent) => {
      for (const [id, filters] of subscriptions) {
        if (filters.some((filter) => matchFilter(filter, event))) client.send(['EVENT', id, event])
      }
    }
    this.#watchers.add(watcher)
    return {
      handle: (message) => this.#handle(message, subscriptions),
      close: () => this.#watchers.delete(watcher),
    }
  }

  async #handle(message: ClientMessage, subscriptions: Subscriptions): Promise<readonly RelayMessage[]> {
    try {
      return await this.#dispatch(message, subscriptions)
    } catch (error) {
      if (error instanceof Refusal) return [refusalMessage(message, error)]
      this.#settings.report(error)
      return [refusalMessage(message, new Refusal('error', 'relay lists are unavailable, try again'))]
    }
  }

  async #dispatch(message: ClientMessage, subscriptions: Subscriptions): Promise<readonly RelayMessage[]> {
    const [verb, subject, ...rest] = message
    switch (verb) {
      case 'EVENT':
        return this.#publish(subject)
      case 'REQ':
        return this.#request(subscriptionId(subject), readFilters(rest), subscriptions)
      case 'COUNT':
        return [['COUNT', subscriptionId(subject), { count: (await this.#find(readFilters(rest))).length }]]
      case 'CLOSE':
        subscriptions.delete(subscriptionId(subject))
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
    if (event.kind !== RELAY_LIST_KIND)
      throw new Refusal('blocked', 'this relay stores only key packages and their relay lists')
    if (this.#hasExpired(event)) throw new Refusal('invalid', 'the event has expired')
    const outcome = await this.#settings.store.putRelayList(event)
    if (outcome === 'stale') return [['OK', event.id, true, 'duplicate: have a newer relay list']]
    if (this.#announced.get(event.pubkey) === event.id) {
      return [['OK', event.id, true, 'duplicate: already have this relay list']]
    }
    this.#announce(event)
    return [['OK', event.id, true, '']]
  }

  /**
   * Sends a new list to the open subscriptions. The store cannot say whether a list is new, because the gateway has
   * already stored it.
   */
  #announce(event: SignedEvent): void {
    const [oldest] = this.#announced.size < MAX_ANNOUNCED ? [] : this.#announced.keys()
    if (oldest !== undefined) this.#announced.delete(oldest)
    this.#announced.set(event.pubkey, event.id)
    for (const watcher of this.#watchers) watcher(event)
  }

  async #request(
    id: string,
    filters: readonly Filter[],
    subscriptions: Subscriptions,
  ): Promise<RelayMessage[]> {
    subscriptions.set(id, filters)
    const events = await this.#find(filters)
    return [...events.map((event): RelayMessage => ['EVENT', id, event]), ['EOSE', id]]
  }

  /** The stored lists of the authors that the filters name. */
  async #find(filters: readonly Filter[]): Promise<SignedEvent[]> {
    const authors = [...new Set(filters.flatMap((filter) => filter.authors ?? []))] as Pubkey[]
    if (authors.length === 0) return []
    const lists = (await this.#settings.store.getRelayLists(authors))
      .filter((event) => event !== undefined)
      .filter((event) => !this.#hasExpired(event))
      .sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1))
    return [...new Set(filters.flatMap((filter) => select(lists, filter)))]
  }

  /** Whether its NIP-40 expiration has passed. */
  #hasExpired({ tags }: SignedEvent): boolean {
    return tags.some(([name, time]) => name === 'expiration' && Number(time) <= this.#settings.now())
  }
}

function select(lists: readonly SignedEvent[], filter: Filter): SignedEvent[] {
  return lists.filter((event) => matchFilter(filter, event)).slice(0, filter.limit)
}

/** The filters that a relay list can match. */
function readFilters(filters: readonly unknown[]): Filter[] {
  if (filters.length > MAX_FILTERS) throw new Refusal('invalid', `at most ${MAX_FILTERS} filters`)
  if (!filters.every(isFilter)) throw new Refusal('invalid', 'not a valid NIP-01 filter')
  return filters.filter(({ kinds }) => kinds?.includes(RELAY_LIST_KIND) ?? true)
}

function isFilter(filter: unknown): filter is Filter {
  if (!filterSchema.safeParse(filter).success) return false
  return Object.entries(filter as object).every(
    ([key, values]) => !key.startsWith('#') || texts.safeParse(values).success,
  )
}

function subscriptionId(id: unknown): string {
  checkSubscriptionId(id)
  return id
}
