/** Answers a REQ: the key package part from the store; the rest is forwarded to the relay. The client gets at most one EOSE. */

import type { Answer, Connection } from '../connection.ts'
import type { GatewayContext } from '../context.ts'
import type { Replenisher } from '../lifecycle/replenish.ts'
import { lookUpsOf, splitFilters } from '../nostr/filters.ts'
import type { Identity } from '../nostr/identity.ts'
import type { ClientMessage, GatewayMessage, Pubkey } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import { addressKey } from '../nostr/requester.ts'
import { relayHost } from '../publish/sender.ts'
import { answerQuery, type TakenPackages } from './claiming.ts'
import type { EarlyClaims } from './early-claims.ts'
import { Feed, type FeedSettings } from './feed.ts'
import { ownPieces } from './own-packages.ts'
import { isUnanswered, planQuery, type Query, type QueryAnswer } from './plan.ts'
import { PushLimits } from './push-limits.ts'
import { endOf, eventMessage, type OwnRequest, ownReplies } from './replies.ts'
import {
  checkSubscriptionId,
  endSubscription,
  isSubscriptionId,
  type PendingRequest,
  type Subscription,
  type Subscriptions,
} from './subscriptions.ts'
import { MAX_UNDER_WAY_BYTES, type Turns } from './turns.ts'
import type { UndoableClaim } from './undoable-claims.ts'
import type { Watchers } from './watchers.ts'

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
  readonly early: EarlyClaims
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

/** The state of a REQ in progress. `feed` holds live events back until the answer is sent. */
interface RequestProgress {
  readonly pending: PendingRequest
  readonly feed: Feed
}

const NOTHING: Answer = { replies: [] }

/** The REQs of one session. */
export class Requests {
  readonly #parts: RequestParts
  readonly #feeds: FeedSettings

  constructor(parts: RequestParts) {
    this.#parts = parts
    const { context, identity, connection } = parts
    this.#feeds = {
      watchers: context.watchers,
      pushLimits: new PushLimits({ ...parts, address: addressKey(connection.address) }),
      isAdmitted: () => context.access.admits(identity.requester()),
    }
  }

  /** Plans the key package part of the REQ, answers it from the store, and composes one answer. */
  async answer(message: ClientMessage, pending: PendingRequest): Promise<Answer> {
    const plan = await this.#plan(message, pending)
    if (plan === 'cancelled') return NOTHING
    if (plan === 'forward') {
      this.#parts.subscriptions.open(message[1], { forwarded: true })
      return { replies: [], forward: message }
    }
    // The live feed starts before the store is read, so that no package is missed in between.
    const feed = new Feed(this.#feeds, plan.query, (event) => this.#parts.send(['EVENT', plan.id, event]))
    return answerQuery(
      this.#parts.context,
      plan.query,
      (answer, taken) => this.#compose(plan, { pending, feed }, answer, taken),
      () => {
        for (const { author } of plan.query.claims) this.#parts.context.replenisher.gained(author)
      },
    )
  }

  /** @throws Refusal if no part of the REQ can be answered */
  async #plan(
    message: ClientMessage,
    pending: PendingRequest,
  ): Promise<RequestPlan | 'forward' | 'cancelled'> {
    const [, id, ...filters] = message
    const { context, identity, subscriptions, early } = this.#parts
    const { options } = context
    const { asked, rest } = splitFilters(filters, options.kinds)
    const lookedUp = isSubscriptionId(id) ? lookUpsOf(rest, options.kinds, identity.pubkeys()) : []
    const isForKeyPackages = asked.length > 0 || lookedUp.length > 0
    const barred = isForKeyPackages ? await context.access.refusalToClaim(identity.requester()) : undefined
    const lookUps = barred === undefined ? lookedUp : []
    if (asked.length === 0) subscriptions.requireRoomForRelay(id)
    if (asked.length === 0 && lookUps.length === 0) return 'forward'
    if (pending.cancelled) return 'cancelled'
    checkSubscriptionId(id)
    if (asked.length > 0) subscriptions.requireRoom(id)
    const named = asked.filter(({ authors }) => authors.length > 0)
    if (named.length === 0 && rest.length === 0) throw browsingRefused()
    if (named.length > 0 && options.requester === 'auth') identity.demand()
    if (barred !== undefined && (rest.length === 0 || barred.prefix === 'auth-required')) throw barred
    const refusals = [
      ...(named.length < asked.length ? [browsingRefused()] : []),
      ...(barred !== undefined && named.length > 0 ? [barred] : []),
    ]
    for (const refusal of refusals) this.#parts.noteRefusal(message, refusal)
    const answered = barred === undefined ? named : []
    const planned = planQuery(answered, identity.requester(), options, lookUps)
    const host = relayHost(options, this.#parts.connection)
    const query = { ...planned, host, claims: early.named(planned.claims) }
    return { message, id, query, rest, notices: refusals.map(({ message }) => message) }
  }

  async #compose(
    plan: RequestPlan,
    { pending, feed }: RequestProgress,
    answer: QueryAnswer,
    { claims, release }: TakenPackages,
  ): Promise<Answer> {
    const { id, query, rest } = plan
    const isRefused = answer.outcome === 'refused' && rest.length === 0
    if (pending.cancelled || isRefused) feed.stop()
    if (pending.cancelled) {
      await release()
      return NOTHING
    }
    const outcomes = answer.claims.length > 0 && { claims: answer.claims }
    if (isRefused) return { ...this.#parts.refuse(plan.message, answer.refusal), ...outcomes }

    const claimed = answer.outcome === 'answered' ? answer.events : []
    const told = answer.outcome === 'answered' ? answer.notices : [answer.refusal.message]
    const notices = [...plan.notices, ...told]
    const isForwarded = rest.length > 0
    const ended = endSubscription(this.#parts.subscriptions, id)
    const subscription = { forwarded: isForwarded, feed }
    this.#parts.subscriptions.open(id, subscription)
    const answered = answer.claims.filter((claim) => !isUnanswered(claim)).map(({ author }) => author)
    feed.keepAnswered(new Set(answered))
    if (query.authenticated.size === 0) this.#noteEarly(claims, feed)
    const end = {
      unsent: release,
      ...outcomes,
      ...(isForwarded ? { forward: ['REQ', id, ...rest] as const } : ended),
    }
    if (query.own.size === 0) {
      const events = claimed.map((event) => eventMessage(id, event))
      const live = feed.flow(claimed.map((event) => event.id)).map((event) => eventMessage(id, event))
      return {
        replies: [...events, ...endOf(id, notices, isForwarded ? 'relay' : 'gateway'), ...live],
        ...end,
      }
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
      besides: besides(answered, rest),
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
  #fail(id: string, { feed }: Subscription): void {
    feed?.stop()
    if (this.#parts.subscriptions.get(id)?.feed === feed) this.#parts.subscriptions.end(id)
  }

  /** The relay may have confirmed an AUTH while the claims were made. */
  #noteEarly(claims: readonly UndoableClaim[], feed: Feed): void {
    const { early } = this.#parts
    early.note(claims.filter(({ hasChanged }) => hasChanged))
    if (early.first !== undefined) feed.becomeOwn(early.first)
  }
}

/** Made where it is needed, because an error costs more than the rest of a plan. */
function browsingRefused(): Refusal {
  return new Refusal('restricted', 'a key package query must name its authors')
}

/** What the answer contains besides the owners' own packages. */
function besides(answered: readonly Pubkey[], rest: RequestPlan['rest']): OwnRequest['besides'] {
  if (rest.length > 0) return 'relay'
  return answered.length > 0 ? 'claims' : 'nothing'
}
