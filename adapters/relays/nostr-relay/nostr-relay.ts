/** The gateway as a plugin of `@nostr-relay/core`: `relay.register(keyPackages(gateway))`. Tested with 0.0.40. */

import type {
  BeforeHandleEventPlugin,
  BeforeHandleEventResult,
  BroadcastPlugin,
  ClientContext,
  Event,
  Filter,
  HandleMessagePlugin,
  HandleMessageResult,
  IncomingMessage,
  OutgoingMessage,
} from '@nostr-relay/common'
import type { GatewaySession, Publication } from '../../../plugin/connection.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { followListFilters } from '../../../plugin/lifecycle/follow-list.ts'
import type { ClientMessage, RelayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal, refusalMessage } from '../../../plugin/nostr/refusal.ts'
import { AnswerQueue, EventUnderCheck } from '../server/embedding.ts'

/** What the plugin cannot find out by itself. */
export interface NostrRelayOptions {
  /**
   * The network address of a client, by which quotas count clients that have not authenticated. By default `ctx.ip`, the
   * one passed to `relay.handleConnection(client, ip)`. A client without an address is refused: counted together, such
   * clients could lock each other out; not counted, they would have no quota.
   */
  readonly addressOf?: (ctx: ClientContext) => string | undefined
  /**
   * Finds stored events: `(filters) => relay.findEvents(filters)`. The follow lists of authors with key packages are read by it,
   * if they were published before the plugin was registered. Without it, only lists that pass are known.
   */
  readonly findEvents?: (filters: Filter[]) => Promise<readonly Event[]>
}

/** What `relay.register` takes. */
export type KeyPackagesPlugin = HandleMessagePlugin & BeforeHandleEventPlugin & BroadcastPlugin

/**
 * Makes the plugin. Register it after the plugins that check events (`beforeHandleEvent`), because key packages have to
 * pass them too, and before plugins that send events elsewhere (`broadcast`). Set the relay's `hostname`: it enables
 * NIP-42, without which there are no owners. Events given to `relay.handleEvent` are published as well; its `success` is
 * false where only the gateway keeps the event, and its `message` says what happened.
 */
export function keyPackages(
  gateway: KeyPackageGateway,
  { addressOf = ({ ip }) => ip, findEvents }: NostrRelayOptions = {},
): KeyPackagesPlugin {
  if (findEvents !== undefined)
    gateway.askForFollowLists((author) => findEvents([...followListFilters(author)]))
  const clients = new WeakMap<ClientContext, NostrRelayClient>()
  const publications = new WeakMap<object, Checking>()

  /** The relay tells plugins nothing when a client connects, so its session starts with its first message. */
  const open = (ctx: ClientContext): NostrRelayClient | Refusal => {
    const address = addressOf(ctx)
    if (address === undefined || address === '')
      return new Refusal('error', 'this relay could not determine your network address')
    if (!isEventTarget(ctx.client)) return new Refusal('error', 'unsupported WebSocket implementation')
    const client = new NostrRelayClient(ctx, gateway, address, publications)
    clients.set(ctx, client)
    ctx.client.addEventListener('close', () => client.close())
    if (ctx.client.readyState === CLOSED) client.close()
    return client
  }

  return {
    handleMessage: async (ctx, message, next) => {
      const client = clients.get(ctx) ?? open(ctx)
      if (!(client instanceof Refusal)) return client.handle(message, next)
      ctx.sendMessage(refusalMessage(message, client) as OutgoingMessage)
    },
    beforeHandleEvent: async (event) => {
      const publication = publications.get(event)
      if (publication === undefined) return acceptWithoutClient(gateway, event)
      if ((await publication.take()).outcome === 'forward') return { canHandle: true }
      throw TAKEN
    },
    broadcast: async (event, next) => {
      if (!gateway.options.kinds.some((kind) => kind === event.kind)) await next()
    },
  }
}

/** `WebSocket.CLOSED`: such a client emits no further `close` event. */
const CLOSED = 3

/**
 * Thrown to end the relay's handling of an EVENT that the gateway answers; otherwise the relay would store it, or
 * answer OK false.
 */
const TAKEN = new Error('the gateway answers this event')

const CACHED = new Refusal('error', 'the relay answered from its cache, try again in a few minutes')

/** An EVENT that the relay's other plugins are checking. */
interface Checking {
  /** Called once they have let it pass: gives it to the session, and answers it where the relay does not. */
  take(): Promise<Publication>
}

/** One client of the relay. */
class NostrRelayClient {
  readonly #ctx: ClientContext
  readonly #session: GatewaySession
  readonly #send: (message: RelayMessage) => void
  readonly #publications: WeakMap<object, Checking>
  readonly #answers: AnswerQueue
  /**
   * The relay authenticates a NIP-26 delegate as the author, but a delegate is not the owner of the key packages (I4).
   */
  #isDelegate = false

  constructor(
    ctx: ClientContext,
    gateway: KeyPackageGateway,
    address: string,
    publications: WeakMap<object, Checking>,
  ) {
    this.#ctx = ctx
    this.#publications = publications
    const send = ctx.sendMessage.bind(ctx) as (message: RelayMessage) => void
    const session = gateway.session({
      address,
      send,
      authenticated: () => (ctx.pubkey === undefined || this.#isDelegate ? [] : [ctx.pubkey]),
    })
    // Everything that the relay sends to a client passes here: answers, stored and live events (I4).
    ctx.sendMessage = (message) => {
      const visible = session.fromRelay(message)
      if (visible !== undefined) send(visible)
    }
    this.#session = session
    this.#send = send
    this.#answers = new AnswerQueue({
      socket: ctx.client,
      isOpen: () => ctx.isOpen,
      send: (message) => this.#reply(message),
    })
  }

  close(): void {
    this.#session.close()
  }

  handle(message: IncomingMessage, next: () => Promise<HandleMessageResult>): Promise<HandleMessageResult> {
    const [verb, event] = message
    if (verb === 'AUTH') this.#isDelegate ||= JSON.stringify(message).includes('"delegation"')
    const isEvent = verb === 'EVENT' && typeof event === 'object' && event !== null
    return isEvent ? this.#publish(message, event, next) : this.#ask(message, next)
  }

  /**
   * First the other plugins, then the gateway (from `beforeHandleEvent`), then the relay if the session forwards it.
   */
  async #publish(
    message: ClientMessage,
    event: object,
    next: () => Promise<HandleMessageResult>,
  ): Promise<HandleMessageResult> {
    const underCheck = new EventUnderCheck(this.#session)
    const answered = this.#answers.publication(event, underCheck.publication)
    let isTaken = false
    /** The relay checks an event only after its plugins, so the gateway does. */
    const take = async () => {
      isTaken = true
      const publication = await underCheck.pass({ event: event as SignedEvent, isVerified: false })
      await answered
      return publication
    }
    this.#publications.set(event, { take })
    try {
      return await next()
    } catch (error) {
      if (error !== TAKEN) throw error
      // The relay caches results by event id, TAKEN included, and does not call the plugins again.
      const isCached = !isTaken
      const { outcome } = await take()
      if (isCached && outcome === 'forward') this.#send(refusalMessage(message, CACHED))
    } finally {
      underCheck.end()
    }
  }

  async #ask(
    message: IncomingMessage,
    next: () => Promise<HandleMessageResult>,
  ): Promise<HandleMessageResult> {
    const { forward } = await this.#answers.answer(this.#session.fromClient(message))
    if (forward === undefined) return
    // The relay reads this array, whatever `next` is called with.
    const array: unknown[] = message
    array.splice(0, array.length, ...forward)
    const result = await next()
    if (result?.messageType !== 'REQ') return result
    // Plugins registered before this one get what the relay sent, and may log it (I4).
    const events = result.events.filter(
      (event) => this.#session.fromRelay(['EVENT', '', event]) !== undefined,
    )
    return { ...result, events }
  }

  /** Before an `auth-required:` answer, sends the relay's own challenge again (its id of the connection). */
  #reply(reply: RelayMessage): void {
    const why = reply.at(-1)
    if (typeof why === 'string' && why.startsWith('auth-required: ')) this.#send(['AUTH', this.#ctx.id])
    this.#send(reply)
  }
}

/** An EVENT from the program that runs the relay, not from a client. */
async function acceptWithoutClient(
  gateway: KeyPackageGateway,
  event: Event,
): Promise<BeforeHandleEventResult> {
  const acceptance = await gateway.accept(event)
  return acceptance.outcome === 'forward'
    ? { canHandle: true }
    : { canHandle: false, message: acceptance.message }
}

function isEventTarget(client: object): client is Pick<EventTarget, 'addEventListener'> {
  return 'addEventListener' in client && typeof client.addEventListener === 'function'
}
