/** One client connection, both directions: what the gateway answers itself, and what the relay sees. */

import { refusalEntry } from './audit.ts'
import { answerQuery } from './claiming.ts'
import type { Answer, CheckedEvent, Connection, GatewaySession, Publication } from './connection.ts'
import type { GatewayContext } from './context.ts'
import { concernsGateway } from './lifecycle/author-events.ts'
import { isAboutLowStock, meaningOf } from './lifecycle/low-stock.ts'
import type { Replenisher } from './lifecycle/replenish.ts'
import { AUTH_KIND, hostOf } from './nostr/auth.ts'
import { checkShape, kindOf } from './nostr/event.ts'
import { splitFilters, splitNaming } from './nostr/filters.ts'
import { Identity } from './nostr/identity.ts'
import type { ClientMessage, RelayMessage } from './nostr/messages.ts'
import { Refusal, refusalMessage } from './nostr/refusal.ts'
import { OwnCounts } from './own-counts.ts'
import { countOwn, ownPieces } from './own-packages.ts'
import { endOf, eventMessage, type OwnRequest, ownReplies } from './own-replies.ts'
import { takeEvent } from './publishing.ts'
import { planQuery, type Query, type QueryAnswer } from './query.ts'
import { RelayView } from './relay-view.ts'
import { relayHost, type Sender, senderOf } from './sender.ts'
import {
  checkSubscriptionId,
  HeldFeed,
  type PendingRequest,
  type Subscription,
  Subscriptions,
} from './subscriptions.ts'
import { MAX_UNDER_WAY_BYTES, type Turns } from './turns.ts'
import type { Watchers } from './watchers.ts'

const NOTHING: Answer = { replies: [] }
const FORWARD: Publication = { outcome: 'forward' }

/** What the sessions of one gateway share. */
export interface SessionContext extends GatewayContext {
  readonly watchers: Watchers
  readonly replenisher: Replenisher
  readonly turns: Turns
}

/** The key package part of a REQ, and what is left of it for the relay. */
interface RequestPlan {
  readonly message: ClientMessage
  readonly id: string
  readonly query: Query
  readonly rest: readonly unknown[]
  /** What the client is told whatever comes of the query. */
  readonly notices: readonly string[]
}

/** How far a REQ has come: its live feed, which holds its events back until the answer is out, and how to end it. */
interface RequestProgress {
  readonly pending: PendingRequest
  readonly feed: HeldFeed
  readonly stop: () => void
}

export class Session implements GatewaySession {
  readonly #context: SessionContext
  readonly #connection: Connection
  readonly #onClose: (session: Session) => void
  readonly #identity: Identity
  readonly #subscriptions: Subscriptions
  readonly #ownCounts = new OwnCounts()
  readonly #relayView: RelayView
  #isOpen = true
  #tail: Promise<unknown> = Promise.resolve()

  constructor(connection: Connection, context: SessionContext, onClose: (session: Session) => void) {
    this.#connection = connection
    this.#context = context
    this.#onClose = onClose
    const { options, verifyEvent, replenisher } = context
    this.#subscriptions = new Subscriptions(connection.maxSubscriptions)
    this.#identity = new Identity({
      address: connection.address,
      host: relayHost(options, connection),
      publicHost: hostOf(options.publicUrl ?? ''),
      authenticated: connection.authenticated,
      verifyEvent,
      onAuthenticated: (pubkey) => replenisher.join(pubkey, (message) => this.#send(message)),
    })
    this.#relayView = new RelayView({
      identity: this.#identity,
      subscriptions: this.#subscriptions,
      ownCounts: this.#ownCounts,
      kinds: options.kinds,
    })
    for (const challenge of this.#identity.challenge()) this.#send(challenge)
  }

  fromClient(said: ClientMessage): Promise<Answer> {
    const message = meaningOf(said)
    if (message === undefined) return Promise.resolve(NOTHING)
    const [verb, id] = message
    if (verb === 'CLOSE') this.#subscriptions.cancel(id)
    const pending = verb === 'REQ' ? this.#subscriptions.announce(id) : undefined
    return this.#enqueue(() => this.#answer(message, pending))
  }

  accept(checked: CheckedEvent | Promise<CheckedEvent | undefined>): Promise<Publication> {
    const before = this.#sender()
    return this.#enqueue(async () => {
      const arrived = await checked
      if (arrived === undefined || !this.#takesIn(arrived.event)) return FORWARD
      const { isVerified, event } = arrived
      return takeEvent(this.#context, event, { ...this.#senderSince(before), isVerified })
    })
  }

  fromRelay(message: RelayMessage): RelayMessage | undefined {
    return this.#isOpen ? this.#relayView.show(message) : undefined
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#subscriptions.endAll()
    this.#identity.close()
    this.#onClose(this)
  }

  /** Runs after all before it; none of them rejects. */
  #enqueue<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(task)
    this.#tail = result
    return result
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
    if (!(error instanceof Refusal)) this.#report(error)
    const refusal = error instanceof Refusal ? error : new Refusal('error', 'failed to handle this message')
    this.#noteRefusal(message, refusal)
    return this.#refusal(message, refusal)
  }

  #noteRefusal(message: ClientMessage, refusal: Refusal): void {
    this.#context.audit(() => [refusalEntry(message, refusal.message, this.#identity.requester().name)])
  }

  #refusal(message: ClientMessage, refusal: Refusal): Answer {
    const challenge = refusal.prefix === 'auth-required' ? this.#identity.challenge() : []
    const replies = [...challenge, refusalMessage(message, refusal)]
    return message[0] === 'REQ' ? { replies, ...this.#endSubscription(message[1]) } : { replies }
  }

  async #publish(message: ClientMessage): Promise<Answer> {
    const event = message[1]
    if (!this.#takesIn(event)) return { replies: [], forward: message }
    checkShape(event)
    const publication = await takeEvent(this.#context, event, this.#sender())
    if (publication.outcome === 'forward') return { replies: [], forward: message }
    const { accepted, message: why } = publication
    const challenge = why.startsWith('auth-required: ') ? this.#identity.challenge() : []
    return { replies: [...challenge, ['OK', event.id, accepted, why]] }
  }

  #sender(): Sender {
    const { authenticated, address } = this.#identity.requester()
    return senderOf({ authenticated, address }, this.#context.options, this.#connection)
  }

  /** With whoever has been authenticated since then. A client that has left is nobody any more. */
  #senderSince(before: Sender): Sender {
    const { address } = before
    const authenticated = [...before.authenticated, ...this.#identity.pubkeys()]
    return senderOf({ authenticated, address }, this.#context.options, this.#connection)
  }

  /** An AUTH event is never left to the relay: its OK for one sent as an EVENT is no word about who sent it. */
  #takesIn(event: unknown): boolean {
    const kind = kindOf(event)
    if (kind === undefined || kind === AUTH_KIND) return true
    return this.#connection.publish !== 'upstream' && concernsGateway(kind, this.#context.options.kinds)
  }

  #authenticate(message: ClientMessage): Answer {
    const event = message[1]
    checkShape(event)
    if (!this.#identity.authenticate(event, this.#context.now())) return { replies: [], forward: message }
    return { replies: [['OK', event.id, true, '']] }
  }

  /** A REQ: what of it is the gateway's is planned, answered from the store, and composed into one reply. */
  async #request(message: ClientMessage, pending: PendingRequest): Promise<Answer> {
    const plan = this.#plan(message, pending)
    if (plan === 'cancelled') return NOTHING
    if (plan === 'forward') {
      this.#subscriptions.open(message[1], { forwarded: true })
      return { replies: [], forward: message }
    }
    // An owner's live feed begins before the answer is sought, so that nothing falls between both.
    const feed = new HeldFeed((event) => this.#send(['EVENT', plan.id, event]))
    const stop = this.#context.watchers.watch(plan.query, feed.show)
    const progress = { pending, feed, stop }
    return answerQuery(
      this.#context,
      plan.query,
      (answer, release) => this.#compose(plan, progress, answer, release),
      () => {
        for (const { author } of plan.query.claims) this.#context.replenisher.gained(author)
      },
    )
  }

  /** @throws Refusal where nothing of the REQ can be answered */
  #plan(message: ClientMessage, pending: PendingRequest): RequestPlan | 'forward' | 'cancelled' {
    const [, id, ...filters] = message
    const { options } = this.#context
    const { asked, rest } = splitFilters(filters, options.kinds)
    if (asked.length === 0) {
      this.#subscriptions.requireRoomForRelay(id)
      return 'forward'
    }
    if (pending.cancelled) return 'cancelled'
    checkSubscriptionId(id)
    this.#subscriptions.requireRoom(id)
    const named = asked.filter(({ authors }) => authors.length > 0)
    const browsing = new Refusal('restricted', 'a key package query must name its authors')
    if (named.length === 0 && rest.length === 0) throw browsing
    const isPartlyBrowsing = named.length < asked.length
    if (isPartlyBrowsing) this.#noteRefusal(message, browsing)
    if (named.length > 0 && options.requester === 'auth') this.#identity.demand()
    const query = planQuery(named, this.#identity.requester(), options)
    return { message, id, query, rest, notices: isPartlyBrowsing ? [browsing.message] : [] }
  }

  async #compose(
    plan: RequestPlan,
    { pending, feed, stop }: RequestProgress,
    answer: QueryAnswer,
    release: () => Promise<void>,
  ): Promise<Answer> {
    const { id, query, rest } = plan
    const isRefused = answer.outcome === 'refused' && rest.length === 0
    if (pending.cancelled || isRefused) stop()
    if (pending.cancelled) {
      await release()
      return NOTHING
    }
    if (isRefused) return this.#refusal(plan.message, answer.refusal)

    const claimed = answer.outcome === 'answered' ? answer.events : []
    const told = answer.outcome === 'answered' ? answer.notices : [answer.refusal.message]
    const notices = [...plan.notices, ...told]
    const isForwarded = rest.length > 0
    const ended = this.#endSubscription(id)
    const subscription = { forwarded: isForwarded, stop }
    this.#subscriptions.open(id, subscription)
    const end = { unsent: release, ...(isForwarded ? { forward: ['REQ', id, ...rest] as const } : ended) }
    if (query.own.size === 0) {
      const events = claimed.map((event) => eventMessage(id, event))
      return { replies: [...events, ...endOf(id, notices, isForwarded)], ...end }
    }

    const gone = new AbortController()
    pending.onCancelled = () => gone.abort()
    const { address, maxBufferedBytes = MAX_UNDER_WAY_BYTES } = this.#connection
    const queuer = this.#context.turns.join(address, maxBufferedBytes)
    const replies = ownReplies({
      id,
      claimed,
      notices,
      pieces: ownPieces(this.#context, query, queuer, gone.signal),
      besides: besides(answer, isForwarded),
      feed,
      gone: gone.signal,
      fail: () => this.#fail(id, subscription),
    })
    return { replies: this.#untilSettled(replies, pending), ...end }
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
    const kindless = new Refusal('restricted', 'COUNT filters must specify `kinds`')
    const { asked, rest } = splitNaming(filters, this.#context.options.kinds, own, kindless)
    if (asked.length === 0) return { replies: [], forward: message }
    checkSubscriptionId(id)
    const isOwn = asked.every(
      ({ authors }) => authors.length > 0 && authors.every((author) => own.has(author)),
    )
    if (!isOwn && rest.length === 0) throw new Refusal('restricted', 'only the author may count key packages')
    const count = isOwn ? await countOwn(this.#context, asked) : 0
    if (rest.length === 0) return { replies: [['COUNT', id, { count }]] }
    this.#ownCounts.expect(id, count)
    return { replies: [], forward: ['COUNT', id, ...rest] }
  }

  #synchronise(message: ClientMessage): Answer {
    const [verb, id, filter, ...more] = message
    const kindless = new Refusal('blocked', 'NEG-OPEN filters must specify `kinds`')
    const { kinds } = this.#context.options
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
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    this.#context.log.error({ err: error }, 'a request failed')
  }
}

/** What a REQ gets besides the owners' own packages. */
function besides(answer: QueryAnswer, isForwarded: boolean): OwnRequest['besides'] {
  if (isForwarded) return 'relay'
  return answer.outcome === 'answered' && !answer.isEmpty ? 'claims' : 'nothing'
}
