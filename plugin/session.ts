/** Handles one client connection in both directions: what the gateway answers itself, and what it forwards to the relay. */

import type { Answer, CheckedEvent, Connection, GatewaySession, Publication } from './connection.ts'
import { concernsGateway } from './lifecycle/author-events.ts'
import { isAboutLowStock, meaningOf } from './lifecycle/low-stock.ts'
import { AUTH_KIND } from './nostr/auth.ts'
import { checkShape, kindOf } from './nostr/event.ts'
import { Identity } from './nostr/identity.ts'
import {
  type ClientMessage,
  type GatewayMessage,
  isPlainVerb,
  type Pubkey,
  type RelayMessage,
  type SignedEvent,
} from './nostr/messages.ts'
import { Refusal } from './nostr/refusal.ts'
import { takeEvent } from './publish/publishing.ts'
import { relayHost, type Sender, senderOf } from './publish/sender.ts'
import { Counting } from './request/counting.ts'
import { EarlyClaims } from './request/early-claims.ts'
import { RelayView } from './request/relay-view.ts'
import { refusedReplies } from './request/replies.ts'
import { Requests, type SessionContext } from './request/request.ts'
import { endSubscription, type PendingRequest, Subscriptions } from './request/subscriptions.ts'

const NOTHING: Answer = { replies: [] }
const FORWARD: Publication = { outcome: 'forward' }

export class Session implements GatewaySession {
  readonly #context: SessionContext
  readonly #connection: Connection
  readonly #onClose: (session: Session) => void
  readonly #identity: Identity
  readonly #subscriptions: Subscriptions
  readonly #counting: Counting
  readonly #relayView: RelayView
  readonly #early: EarlyClaims
  readonly #requests: Requests
  #isOpen = true
  #tail: Promise<unknown> = Promise.resolve()

  constructor(connection: Connection, context: SessionContext, onClose: (session: Session) => void) {
    this.#connection = connection
    this.#context = context
    this.#onClose = onClose
    const { options, verification, replenisher, followLists } = context
    this.#subscriptions = new Subscriptions(connection)
    this.#identity = new Identity({
      address: connection.address,
      host: relayHost(options, connection),
      publicHost: relayHost(options, {}),
      authenticated: connection.authenticated,
      verifyEvent: (event) => verification.event(event, this.#sender()),
      onAuthenticated: (pubkey) => this.#authenticated(pubkey),
    })
    this.#early = new EarlyClaims({
      context,
      onGivenBack: (author) => replenisher.gained(author),
    })
    this.#counting = new Counting(context, this.#identity)
    this.#relayView = new RelayView({
      identity: this.#identity,
      subscriptions: this.#subscriptions,
      counting: this.#counting,
      followLists,
      kinds: options.kinds,
    })
    this.#requests = new Requests({
      context,
      connection,
      identity: this.#identity,
      subscriptions: this.#subscriptions,
      early: this.#early,
      send: (message) => this.#send(message),
      refuse: (message, refusal) => this.#refusal(message, refusal),
      noteRefusal: (message, refusal) => this.#noteRefusal(message, refusal),
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
      return this.#take(event, { ...this.#senderSince(before), isVerified })
    })
  }

  fromRelay(message: RelayMessage): RelayMessage | undefined {
    return this.#isOpen ? this.#relayView.show(message) : undefined
  }

  close(): void {
    this.#isOpen = false
    this.#subscriptions.endAll()
    this.#identity.close()
    this.#onClose(this)
  }

  /** Runs the task once all earlier ones have finished. No task rejects. */
  #enqueue<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(() => this.#onceGivenBack(task))
    this.#tail = result
    return result
  }

  /** An author who has just authenticated gets back first what the connection claimed from them before (I10). */
  #onceGivenBack<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#identity.poll()
    const { givingBack } = this.#early
    return givingBack === undefined ? task() : givingBack.then(task)
  }

  #authenticated(pubkey: Pubkey): () => void {
    if (this.#early.first === undefined) {
      this.#early.authenticated(pubkey)
      this.#subscriptions.becomeOwn(pubkey)
    }
    if (this.#connection.duration === 'one exchange') return () => {}
    return this.#context.replenisher.join(pubkey, (message) => this.#send(message))
  }

  async #answer(message: ClientMessage, pending: PendingRequest | undefined): Promise<Answer> {
    try {
      if (!this.#isOpen) return NOTHING
      return await (pending === undefined ? this.#dispatch(message) : this.#requests.answer(message, pending))
    } catch (error) {
      return this.#refuse(message, error)
    } finally {
      // An owner's list stays pending until it is sent.
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
        return this.#counting.count(message)
      case 'NEG-OPEN':
        return this.#counting.synchronise(message)
      default:
        return this.#forward(message)
    }
  }

  #forward(message: ClientMessage): Answer {
    const [verb] = message
    if (isPlainVerb(verb)) return { replies: [], forward: message }
    throw new Refusal('invalid', `unknown message type ${JSON.stringify(verb.slice(0, 32))}`)
  }

  #refuse(message: ClientMessage, error: unknown): Answer {
    if (!(error instanceof Refusal)) this.#report(error)
    const refusal = error instanceof Refusal ? error : new Refusal('error', 'failed to handle this message')
    this.#noteRefusal(message, refusal)
    return this.#refusal(message, refusal)
  }

  #noteRefusal(message: ClientMessage, refusal: Refusal): void {
    this.#context.recorder.refused(message, refusal, this.#identity.requester().name)
  }

  #refusal(message: ClientMessage, refusal: Refusal): Answer {
    const challenge = refusal.prefix === 'auth-required' ? this.#identity.challenge() : []
    const replies = [...challenge, ...refusedReplies(message, refusal)]
    const [verb, id] = message
    return verb === 'REQ' ? { replies, ...endSubscription(this.#subscriptions, id) } : { replies }
  }

  async #publish(message: ClientMessage): Promise<Answer> {
    const event = message[1]
    if (!this.#takesIn(event)) return { replies: [], forward: message }
    checkShape(event)
    const publication = await this.#take(event, this.#sender())
    if (publication.outcome === 'forward') return { replies: [], forward: message }
    const { accepted, message: why } = publication
    const challenge = why.startsWith('auth-required: ') ? this.#identity.challenge() : []
    return { replies: [...challenge, ['OK', event.id, accepted, why]] }
  }

  /** What the relay handles may be a follow list, which is learnt with the relay's OK. */
  async #take(event: SignedEvent, sender: Sender): Promise<Publication> {
    const publication = await takeEvent(this.#context, event, sender)
    if (publication.outcome === 'forward') this.#context.followLists.expect(event)
    return publication
  }

  #sender(): Sender {
    const { authenticated, networkAddress: address } = this.#identity.requester()
    return senderOf({ authenticated, address }, this.#context.options, this.#connection)
  }

  /** Adds the pubkeys authenticated since `before`. A client that has disconnected has none, hence `before`. */
  #senderSince(before: Sender): Sender {
    const { networkAddress: address } = before
    const authenticated = [...before.authenticated, ...this.#identity.pubkeys()]
    return senderOf({ authenticated, address }, this.#context.options, this.#connection)
  }

  /** An AUTH event is never forwarded as an EVENT: the relay's OK for it would not prove who sent it. */
  #takesIn(event: unknown): boolean {
    const kind = kindOf(event)
    if (kind === undefined || kind === AUTH_KIND) return true
    return this.#connection.publish !== 'upstream' && concernsGateway(kind, this.#context.options.kinds)
  }

  async #authenticate(message: ClientMessage): Promise<Answer> {
    const event = message[1]
    checkShape(event)
    if (!(await this.#identity.authenticate(event, this.#context.now())))
      return { replies: [], forward: message }
    await this.#early.givingBack
    return { replies: [['OK', event.id, true, '']] }
  }

  #closeSubscription(message: ClientMessage): Answer {
    const subscription = this.#subscriptions.end(message[1])
    const isOurs = subscription === undefined ? isAboutLowStock(message) : !subscription.forwarded
    return isOurs ? NOTHING : { replies: [], forward: message }
  }

  /** A failing socket on this connection must not fail other clients' publishing or claims. */
  #send(message: GatewayMessage): void {
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
