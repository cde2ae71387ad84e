/** One client connection, both directions: what the gateway answers itself, and what the relay sees. */

import type { Answer, Connection, GatewaySession } from './connection.ts'
import { isAboutLowStock, meaningOf } from './lifecycle/low-stock.ts'
import { AUTH_KIND, hostOf } from './nostr/auth.ts'
import { checkShape, kindOf } from './nostr/event.ts'
import { type KeyPackageFilter, splitFilters, splitNaming } from './nostr/filters.ts'
import { Identity } from './nostr/identity.ts'
import type { ClientMessage, RelayMessage } from './nostr/messages.ts'
import { Refusal, refusalMessage } from './nostr/refusal.ts'
import type { SessionOperations } from './operations.ts'
import { OwnCounts } from './own-counts.ts'
import { endOf, eventMessage, type OwnRequest, ownReplies } from './own-replies.ts'
import { planQuery, type Query, type QueryAnswer } from './query.ts'
import { RelayView } from './relay-view.ts'
import {
  checkSubscriptionId,
  HeldFeed,
  type PendingRequest,
  type Subscription,
  Subscriptions,
} from './subscriptions.ts'

const NOTHING: Answer = { replies: [] }

export class Session implements GatewaySession {
  readonly #gateway: SessionOperations
  readonly #connection: Connection
  readonly #identity: Identity
  readonly #subscriptions = new Subscriptions()
  readonly #ownCounts = new OwnCounts()
  readonly #relayView: RelayView
  #isOpen = true
  #tail: Promise<unknown> = Promise.resolve()

  constructor(connection: Connection, gateway: SessionOperations) {
    this.#connection = connection
    this.#gateway = gateway
    this.#identity = new Identity({
      address: connection.address,
      host: gateway.hostOf(connection),
      publicHost: hostOf(gateway.options.publicUrl ?? ''),
      authenticated: connection.authenticated,
      verifyEvent: (event) => gateway.verifyEvent(event),
      onAuthenticated: (pubkey) => gateway.welcome(pubkey, (message) => this.#send(message)),
    })
    this.#relayView = new RelayView({
      identity: this.#identity,
      subscriptions: this.#subscriptions,
      ownCounts: this.#ownCounts,
      kinds: gateway.options.kinds,
    })
    for (const challenge of this.#identity.challenge()) this.#send(challenge)
  }

  fromClient(said: ClientMessage): Promise<Answer> {
    const message = meaningOf(said)
    if (message === undefined) return Promise.resolve(NOTHING)
    const [verb, id] = message
    if (verb === 'CLOSE') this.#subscriptions.cancel(id)
    const pending = verb === 'REQ' ? this.#subscriptions.announce(id) : undefined
    const answer = this.#tail.then(() => this.#answer(message, pending))
    this.#tail = answer
    return answer
  }

  fromRelay(message: RelayMessage): RelayMessage | undefined {
    return this.#isOpen ? this.#relayView.show(message) : undefined
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#subscriptions.endAll()
    this.#identity.close()
    this.#gateway.farewell(this)
  }

  async #answer(message: ClientMessage, pending: PendingRequest | undefined): Promise<Answer> {
    try {
      if (!this.#isOpen) return NOTHING
      return await (pending === undefined ? this.#dispatch(message) : this.#request(message, pending))
    } catch (error) {
      return this.#refuse(message, error)
    } finally {
      // An owner's list is under way until it is sent.
      if (pending !== undefined && pending.onCancelled === undefined) this.#subscriptions.settle(pending)
    }
  }

  async #dispatch(message: ClientMessage): Promise<Answer> {
    switch (message[0]) {
      case 'EVENT':
        return this.#publish(message)
      case 'CLOSE':
        return this.#closeSubscription(message)
      case 'AUTH':
        return this.#authenticate(message)
      case 'COUNT':
        return this.#count(message)
      case 'NEG-OPEN':
        return this.#synchronise(message)
      default:
        return { replies: [], forward: message }
    }
  }

  #refuse(message: ClientMessage, error: unknown): Answer {
    if (!(error instanceof Refusal)) this.#gateway.report(error)
    const refusal =
      error instanceof Refusal ? error : new Refusal('error', 'this message could not be handled')
    this.#noteRefusal(message, refusal)
    return this.#refusal(message, refusal)
  }

  #noteRefusal(message: ClientMessage, refusal: Refusal): void {
    this.#gateway.refused(message, refusal.message, this.#identity.requester().name)
  }

  #refusal(message: ClientMessage, refusal: Refusal): Answer {
    const challenge = refusal.prefix === 'auth-required' ? this.#identity.challenge() : []
    const replies = [...challenge, refusalMessage(message, refusal)]
    return message[0] === 'REQ' ? { replies, ...this.#endSubscription(message[1]) } : { replies }
  }

  async #publish(message: ClientMessage): Promise<Answer> {
    const event = message[1]
    const kind = kindOf(event)
    if (kind !== undefined && !this.#takesIn(kind)) return { replies: [], forward: message }
    checkShape(event)
    const { authenticated, name, address } = this.#identity.requester()
    const acceptance = await this.#gateway.accept(event, {
      authenticated,
      requester: name,
      address,
      host: this.#gateway.hostOf(this.#connection),
    })
    if (acceptance.outcome === 'forward') return { replies: [], forward: message }
    return { replies: [['OK', event.id, true, acceptance.message]] }
  }

  /** An AUTH event is never left to the relay: its OK for one sent as an EVENT is no word about who sent it. */
  #takesIn(kind: number): boolean {
    return kind === AUTH_KIND || (this.#connection.publish !== 'upstream' && this.#gateway.concerns(kind))
  }

  #authenticate(message: ClientMessage): Answer {
    const event = message[1]
    checkShape(event)
    if (!this.#identity.authenticate(event, this.#gateway.now())) return { replies: [], forward: message }
    return { replies: [['OK', event.id, true, '']] }
  }

  async #request(message: ClientMessage, pending: PendingRequest): Promise<Answer> {
    const [, id, ...filters] = message
    const { asked, rest } = splitFilters(filters, this.#gateway.options.kinds)
    if (asked.length === 0) {
      this.#subscriptions.open(id, { forwarded: true })
      return { replies: [], forward: message }
    }
    if (pending.cancelled) return NOTHING
    checkSubscriptionId(id)
    this.#subscriptions.requireRoom(id)
    const named = asked.filter(({ authors }) => authors.length > 0)
    const browsing = new Refusal('restricted', 'a key package query must name its authors')
    if (named.length === 0 && rest.length === 0) throw browsing
    if (named.length < asked.length) this.#noteRefusal(message, browsing)

    const query = this.#plan(named)
    // An owner's live feed begins before the answer is sought, so that nothing falls between both.
    const feed = new HeldFeed((event) => this.#send(['EVENT', id, event]))
    const stop = this.#gateway.watch(query, feed.show)
    return this.#gateway.answer(query, async (answer, unsent) => {
      const isRefused = answer.outcome === 'refused' && rest.length === 0
      if (pending.cancelled || isRefused) stop()
      if (pending.cancelled) {
        await unsent()
        return NOTHING
      }
      if (isRefused) return this.#refusal(message, answer.refusal)

      const claimed = answer.outcome === 'answered' ? answer.events : []
      const notices = [
        ...(named.length < asked.length ? [browsing.message] : []),
        ...(answer.outcome === 'answered' ? answer.notices : [answer.refusal.message]),
      ]
      const isForwarded = rest.length > 0
      const ended = this.#endSubscription(id)
      const subscription = { forwarded: isForwarded, stop }
      this.#subscriptions.open(id, subscription)
      const end = { unsent, ...(isForwarded ? { forward: ['REQ', id, ...rest] as const } : ended) }
      if (query.own.size === 0) {
        const events = claimed.map((event) => eventMessage(id, event))
        return { replies: [...events, ...endOf(id, notices, isForwarded)], ...end }
      }

      const gone = new AbortController()
      pending.onCancelled = () => gone.abort()
      const replies = ownReplies({
        id,
        claimed,
        notices,
        pieces: this.#gateway.own(query, this.#connection, gone.signal),
        besides: besides(answer, isForwarded),
        feed,
        gone: gone.signal,
        fail: () => this.#fail(id, subscription),
      })
      return { replies: this.#untilSettled(replies, pending), ...end }
    })
  }

  /** A CLOSE may still end the list, until the client has taken it. */
  async *#untilSettled(
    replies: AsyncIterable<RelayMessage>,
    pending: PendingRequest,
  ): AsyncGenerator<RelayMessage, void> {
    try {
      yield* replies
    } finally {
      this.#subscriptions.settle(pending)
    }
  }

  /** Ends a subscription, and no other that has taken its place. */
  #fail(id: string, { stop }: Subscription): void {
    stop?.()
    if (this.#subscriptions.get(id)?.stop === stop) this.#subscriptions.end(id)
  }

  #plan(named: readonly KeyPackageFilter[]): Query {
    const { options } = this.#gateway
    if (named.length > 0 && options.requester === 'auth') this.#identity.demand()
    return planQuery(named, this.#identity.requester(), options)
  }

  #closeSubscription(message: ClientMessage): Answer {
    const subscription = this.#subscriptions.end(message[1])
    const isOurs = subscription === undefined ? isAboutLowStock(message) : !subscription.forwarded
    return isOurs ? NOTHING : { replies: [], forward: message }
  }

  /** Ends a subscription that is replaced or refused; the relay's part of it has to be closed there. */
  #endSubscription(id: unknown): Pick<Answer, 'forward'> {
    return this.#subscriptions.end(id)?.forwarded ? { forward: ['CLOSE', id] } : {}
  }

  async #count(message: ClientMessage): Promise<Answer> {
    const [, id, ...filters] = message
    const own = this.#identity.pubkeys()
    this.#ownCounts.forget(id)
    const kindless = new Refusal('restricted', 'what is counted has to be named by its kinds')
    const { asked, rest } = splitNaming(filters, this.#gateway.options.kinds, own, kindless)
    if (asked.length === 0) return { replies: [], forward: message }
    checkSubscriptionId(id)
    const isOwn = asked.every(
      ({ authors }) => authors.length > 0 && authors.every((author) => own.has(author)),
    )
    if (!isOwn && rest.length === 0) throw new Refusal('restricted', 'only the author may count key packages')
    const count = isOwn ? await this.#gateway.count(asked) : 0
    if (rest.length === 0) return { replies: [['COUNT', id, { count }]] }
    this.#ownCounts.expect(id, count)
    return { replies: [], forward: ['COUNT', id, ...rest] }
  }

  #synchronise(message: ClientMessage): Answer {
    const [verb, id, filter, ...more] = message
    const kindless = new Refusal('blocked', 'what is synchronised has to be named by its kinds')
    const { kinds } = this.#gateway.options
    const { asked, rest } = splitNaming([filter], kinds, this.#identity.pubkeys(), kindless)
    if (asked.length === 0) return { replies: [], forward: message }
    if (rest.length > 0) return { replies: [], forward: [verb, id, rest[0], ...more] }
    throw new Refusal('blocked', 'key packages cannot be synchronised')
  }

  /** A connection whose socket fails must not fail those who publish or claim. */
  #send(message: RelayMessage): void {
    if (!this.#isOpen) return
    try {
      this.#connection.send(message)
    } catch (error) {
      this.#gateway.report(error)
    }
  }
}

/** What a REQ gets besides the owners' own packages. */
function besides(answer: QueryAnswer, isForwarded: boolean): OwnRequest['besides'] {
  if (isForwarded) return 'relay'
  return answer.outcome === 'answered' && !answer.isEmpty ? 'claims' : 'nothing'
}
