/** Answers a REQ: the key package part from the store; the rest is forwarded to the relay. The client gets at most one EOSE. */

import type { Answer, Connection } from '../connection.ts'
import type { GatewayContext } from '../context.ts'
import type { Replenisher } from '../lifecycle/replenish.ts'
import { splitFilters } from '../nostr/filters.ts'
import type { Identity } from '../nostr/identity.ts'
import type { ClientMessage, GatewayMessage } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import { relayHost } from '../sender.ts'
import { answerQuery } from './claiming.ts'
import { HeldFeed, type Watchers } from './live-feed.ts'
import { ownPieces } from './own-packages.ts'
import { planQuery, type Query, type QueryAnswer } from './plan.ts'
import { endOf, eventMessage, type OwnRequest, ownReplies } from './replies.ts'
import {
  checkSubscriptionId,
  endSubscription,
  type PendingRequest,
  type Subscription,
  type Subscriptions,
} from './subscriptions.ts'
import { MAX_UNDER_WAY_BYTES, type Turns } from './turns.ts'

/** What the sessions of one gateway share. */
export interface SessionContext extends GatewayContext {
  readonly watchers: Watchers
  readonly replenisher: Replenisher
  readonly turns: Turns
}

/** The parts of a session that its REQs need. */
export interface RequestParts {
  readonly context: SessionContext
  readonly connection: Connection
  readonly identity: Identity
  readonly subscriptions: Subscriptions
  /** Sends a live event. Never throws. */
  send(message: GatewayMessage): void
  /** Makes the answer to a message that is refused entirely. */
  refuse(message: ClientMessage, refusal: Refusal): Answer
  /** Records the refusal of a part of a message in the audit log. */
  noteRefusal(message: ClientMessage, refusal: Refusal): void
}

/** The key package part of a REQ, and the filters that are forwarded to the relay. */
interface RequestPlan {
  readonly message: ClientMessage
  readonly id: string
  readonly query: Query
  readonly rest: readonly unknown[]
  /** What the client is told regardless of the result. */
  readonly notices: readonly string[]
}

/** The state of a REQ in progress. `feed` holds live events back until the answer is sent; `stop` ends it. */
interface RequestProgress {
  readonly pending: PendingRequest
  readonly feed: HeldFeed
  readonly stop: () => void
}

const NOTHING: Answer = { replies: [] }

/** The REQs of one session. */
export class Requests {
  readonly #parts: RequestParts

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  /** Plans the key package part of the REQ, answers it from the store, and composes one answer. */
  async answer(message: ClientMessage, pending: PendingRequest): Promise<Answer> {
    const plan = this.#plan(message, pending)
    if (plan === 'cancelled') return NOTHING
    if (plan === 'forward') {
      this.#parts.subscriptions.open(message[1], { forwarded: true })
      return { replies: [], forward: message }
    }
    // The live feed starts before the store is read, so that no package is missed in between.
    const feed = new HeldFeed((event) => this.#parts.send(['EVENT', plan.id, event]))
    const stop = this.#parts.context.watchers.watch(plan.query, feed.show)
    const progress = { pending, feed, stop }
    return answerQuery(
      this.#parts.context,
      plan.query,
      (answer, release) => this.#compose(plan, progress, answer, release),
      () => {
        for (const { author } of plan.query.claims) this.#parts.context.replenisher.gained(author)
      },
    )
  }

  /** @throws Refusal if no part of the REQ can be answered */
  #plan(message: ClientMessage, pending: PendingRequest): RequestPlan | 'forward' | 'cancelled' {
    const [, id, ...filters] = message
    const { options } = this.#parts.context
    const { asked, rest } = splitFilters(filters, options.kinds)
    if (asked.length === 0) {
      this.#parts.subscriptions.requireRoomForRelay(id)
      return 'forward'
    }
    if (pending.cancelled) return 'cancelled'
    checkSubscriptionId(id)
    this.#parts.subscriptions.requireRoom(id)
    const named = asked.filter(({ authors }) => authors.length > 0)
    const browsing = new Refusal('restricted', 'a key package query must name its authors')
    if (named.length === 0 && rest.length === 0) throw browsing
    const isPartlyBrowsing = named.length < asked.length
    if (isPartlyBrowsing) this.#parts.noteRefusal(message, browsing)
    if (named.length > 0 && options.requester === 'auth') this.#parts.identity.demand()
    const host = relayHost(options, this.#parts.connection)
    const query = { ...planQuery(named, this.#parts.identity.requester(), options), host }
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
    if (isRefused) return this.#parts.refuse(plan.message, answer.refusal)

    const claimed = answer.outcome === 'answered' ? answer.events : []
    const told = answer.outcome === 'answered' ? answer.notices : [answer.refusal.message]
    const notices = [...plan.notices, ...told]
    const isForwarded = rest.length > 0
    const ended = endSubscription(this.#parts.subscriptions, id)
    const subscription = { forwarded: isForwarded, stop }
    this.#parts.subscriptions.open(id, subscription)
    const end = { unsent: release, ...(isForwarded ? { forward: ['REQ', id, ...rest] as const } : ended) }
    if (query.own.size === 0) {
      const events = claimed.map((event) => eventMessage(id, event))
      return { replies: [...events, ...endOf(id, notices, isForwarded)], ...end }
    }

    const gone = new AbortController()
    pending.onCancelled = () => gone.abort()
    const { address, maxBufferedBytes = MAX_UNDER_WAY_BYTES } = this.#parts.connection
    const queuer = this.#parts.context.turns.join(address, maxBufferedBytes)
    const replies = ownReplies({
      id,
      claimed,
      notices,
      pieces: ownPieces(this.#parts.context, query, queuer, gone.signal),
      besides: besides(answer, isForwarded),
      feed,
      gone: gone.signal,
      fail: () => this.#fail(id, subscription),
    })
    return { replies: this.#untilSettled(replies, pending), ...end }
  }

  /** Keeps the REQ pending until the whole list is sent, so that a CLOSE can still end it. */
  async *#untilSettled(
    replies: AsyncIterable<GatewayMessage>,
    pending: PendingRequest,
  ): AsyncGenerator<GatewayMessage, void> {
    try {
      yield* replies
    } finally {
      this.#parts.subscriptions.settle(pending)
    }
  }

  /** Ends a subscription, unless a newer one has replaced it. */
  #fail(id: string, { stop }: Subscription): void {
    stop?.()
    if (this.#parts.subscriptions.get(id)?.stop === stop) this.#parts.subscriptions.end(id)
  }
}

/** What the answer contains besides the owners' own packages. */
function besides(answer: QueryAnswer, isForwarded: boolean): OwnRequest['besides'] {
  if (isForwarded) return 'relay'
  return answer.outcome === 'answered' && !answer.isEmpty ? 'claims' : 'nothing'
}
