/** The gateway as a plugin of `@nostr-relay/core`: `relay.register(keyPackages(gateway))`. Checked with 0.0.40. */

import type {
  BeforeHandleEventPlugin,
  BeforeHandleEventResult,
  BroadcastPlugin,
  ClientContext,
  Event,
  HandleMessagePlugin,
  HandleMessageResult,
  IncomingMessage,
  OutgoingMessage,
} from '@nostr-relay/common'
import type { Answer, GatewaySession } from '../../plugin/connection.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { ClientMessage, RelayMessage, SignedEvent } from '../../plugin/nostr/messages.ts'
import { Refusal, refusalMessage } from '../../plugin/nostr/refusal.ts'
import { taken } from './taken.ts'

/** What the plugin cannot know by itself. */
export interface NostrRelayOptions {
  /**
   * The network address of a client, by which quotas count those who have not authenticated; `ctx.ip` by default, which
   * is what `relay.handleConnection(client, ip)` was given. Where it is undefined the client is refused: to count all of
   * them as one would let each lock out the others, and to count none would lift the quotas.
   */
  readonly addressOf?: (ctx: ClientContext) => string | undefined
}

/** What `relay.register` takes. */
export type KeyPackagesPlugin = HandleMessagePlugin & BeforeHandleEventPlugin & BroadcastPlugin

/**
 * Makes the plugin. Register it after the guards that key packages have to pass too (`beforeHandleEvent`), and before
 * plugins that carry events elsewhere (`broadcast`). The relay needs its `hostname` for NIP-42, by which it
 * knows owners. An event that goes in by `relay.handleEvent` is published as well; there `success` is false where the
 * gateway alone keeps it, and `message` says what became of it.
 */
export function keyPackages(
  gateway: KeyPackageGateway,
  { addressOf = ({ ip }) => ip }: NostrRelayOptions = {},
): KeyPackagesPlugin {
  const clients = new WeakMap<ClientContext, NostrRelayClient>()
  const publications = new WeakMap<object, Publication>()

  /** The relay has no word for a client that comes: it is met with its first message, before which it hears nothing. */
  const meet = (ctx: ClientContext): NostrRelayClient | Refusal => {
    const address = addressOf(ctx)
    if (address === undefined || address === '')
      return new Refusal('error', 'this relay does not know your address')
    if (!isEventTarget(ctx.client)) return new Refusal('error', 'this relay does not know when you leave')
    const client = new NostrRelayClient(ctx, gateway, address, publications)
    clients.set(ctx, client)
    ctx.client.addEventListener('close', () => client.close())
    if (ctx.client.readyState === CLOSED) client.close()
    return client
  }

  return {
    handleMessage: async (ctx, message, next) => {
      const client = clients.get(ctx) ?? meet(ctx)
      if (!(client instanceof Refusal)) return client.handle(message, next)
      ctx.sendMessage(refusalMessage(message, client) as OutgoingMessage)
    },
    beforeHandleEvent: async (event) => {
      const publication = publications.get(event)
      if (publication === undefined) return acceptAlone(gateway, event)
      if ((await publication.take()).forward !== undefined) return { canHandle: true }
      throw TAKEN
    },
    broadcast: async (event, next) => {
      if (!gateway.options.kinds.some((kind) => kind === event.kind)) await next()
    },
  }
}

/** `WebSocket.CLOSED`: who is gone already says so no more. */
const CLOSED = 3

/** Ends the relay's handling of an EVENT that the gateway answers; all it knows besides is to store it, or OK false. */
const TAKEN = new Error('the gateway answers this event')

const REPEATED = new Refusal('error', 'the relay repeats an earlier answer, try again in some minutes')

/** An EVENT on its way through the relay's guards. */
interface Publication {
  /** Gives it to the session once what came before it is, and replies; called when the guards have let it pass. */
  take(): Promise<Answer>
}

/** One client of the relay. */
class NostrRelayClient {
  readonly #ctx: ClientContext
  readonly #session: GatewaySession
  readonly #send: (message: RelayMessage) => void
  readonly #publications: WeakMap<object, Publication>
  /** Resolves once the session has each EVENT so far, or a guard has refused it: the relay handles messages all at once. */
  #given: Promise<unknown> = Promise.resolve()
  /** Answers go out one after the other, however long a list takes. */
  #sent: Promise<unknown> = Promise.resolve()
  /** The relay takes whom an author has delegated to (NIP-26) for the author: the owner of key packages they are not (I4). */
  #isDelegate = false

  constructor(
    ctx: ClientContext,
    gateway: KeyPackageGateway,
    address: string,
    publications: WeakMap<object, Publication>,
  ) {
    this.#ctx = ctx
    this.#publications = publications
    const send = ctx.sendMessage.bind(ctx) as (message: RelayMessage) => void
    const session = gateway.session({
      address,
      send,
      authenticated: () => (ctx.pubkey === undefined || this.#isDelegate ? [] : [ctx.pubkey]),
    })
    // Whatever the relay says to a client comes through here: answers, stored events, live ones (I4).
    ctx.sendMessage = (message) => {
      const visible = session.fromRelay(message)
      if (visible !== undefined) send(visible)
    }
    this.#session = session
    this.#send = send
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

  /** The guards first, then the gateway, from `beforeHandleEvent`; then the relay, if there is something left for it. */
  async #publish(
    message: ClientMessage,
    event: object,
    next: () => Promise<HandleMessageResult>,
  ): Promise<HandleMessageResult> {
    const before = this.#given
    let answer: Promise<Answer> | undefined
    let given = () => {}
    const settled = new Promise<void>((resolve) => {
      given = resolve
    })
    const take = () => {
      answer ??= before.then(() => {
        given()
        return this.#answer(message)
      })
      return answer
    }
    this.#given = before.then(() => settled)
    this.#publications.set(event, { take })
    try {
      return await next()
    } catch (error) {
      if (error !== TAKEN) throw error
      // The relay may repeat what became of an id, this too, without asking again.
      const isRepeated = answer === undefined
      const { forward } = await take()
      if (isRepeated && forward !== undefined) this.#send(refusalMessage(message, REPEATED))
    } finally {
      given()
    }
  }

  async #ask(
    message: IncomingMessage,
    next: () => Promise<HandleMessageResult>,
  ): Promise<HandleMessageResult> {
    const { forward } = await this.#given.then(() => this.#answer(message))
    if (forward === undefined) return
    // The relay goes by this array, whatever `next` is given.
    const array: unknown[] = message
    array.splice(0, array.length, ...forward)
    const result = await next()
    if (result?.messageType !== 'REQ') return result
    // Plugins registered before this one hear of what the relay sent, and may log it (I4).
    const events = result.events.filter(
      (event) => this.#session.fromRelay(['EVENT', '', event]) !== undefined,
    )
    return { ...result, events }
  }

  /** Asks the session, and sends what it replies. */
  #answer(message: ClientMessage): Promise<Answer> {
    const answer = this.#session.fromClient(message)
    const sent = this.#sent.then(async () => this.#sendAnswer(await answer))
    this.#sent = sent.catch(() => undefined)
    return sent
  }

  async #sendAnswer(answer: Answer): Promise<Answer> {
    const { replies, unsent } = answer
    if (!this.#ctx.isOpen) await unsent?.()
    else
      for await (const reply of replies) {
        this.#reply(reply)
        if (!Array.isArray(replies)) await taken(this.#ctx.client)
        if (!this.#ctx.isOpen) break
      }
    return answer
  }

  /** With a challenge where it asks for one: the relay's own, as it was when the client came. */
  #reply(reply: RelayMessage): void {
    const why = reply.at(-1)
    if (typeof why === 'string' && why.startsWith('auth-required: ')) this.#send(['AUTH', this.#ctx.id])
    this.#send(reply)
  }
}

/** An EVENT that comes from the relay's own program, without a client. */
async function acceptAlone(gateway: KeyPackageGateway, event: Event): Promise<BeforeHandleEventResult> {
  const acceptance = await gateway.accept(event as unknown as SignedEvent)
  return acceptance.outcome === 'forward'
    ? { canHandle: true }
    : { canHandle: false, message: acceptance.message }
}

function isEventTarget(client: object): client is Pick<EventTarget, 'addEventListener'> {
  return 'addEventListener' in client && typeof client.addEventListener === 'function'
}
