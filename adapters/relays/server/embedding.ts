/**
 * What the relay plugins share: sending answers in order, no faster than the client reads, and events that the relay
 * checks.
 */

import type {
  Answer,
  AnsweredPublication,
  CheckedEvent,
  GatewaySession,
  Publication,
} from '../../../plugin/connection.ts'
import type { GatewayMessage } from '../../../plugin/nostr/messages.ts'

/** The members of a `ws` socket that are needed to wait for a flush. With other sockets there is no waiting. */
interface Socket {
  readonly bufferedAmount: number
  ping(flushed: () => void): void
}

/** Resolves once everything sent so far is flushed, or cannot be. It sends a ping, which goes out after all earlier data. */
async function taken(socket: object): Promise<void> {
  if (!isSocket(socket) || socket.bufferedAmount === 0) return
  await new Promise<void>((resolve) => socket.ping(() => resolve()))
}

function isSocket(socket: object): socket is Socket {
  return 'bufferedAmount' in socket && 'ping' in socket && typeof socket.ping === 'function'
}

/** A client of the embedding relay, as the plugin sees it. */
export interface EmbeddedClient {
  /** Its WebSocket. */
  readonly socket: object
  isOpen(): boolean
  send(message: GatewayMessage): void
}

/** Sends answers one after the other, even if a list takes long. */
export class AnswerQueue {
  readonly #client: EmbeddedClient
  #sent: Promise<unknown> = Promise.resolve()

  constructor(client: EmbeddedClient) {
    this.#client = client
  }

  /** Sends the replies of an answer, or releases its claims if the client has disconnected. Resolves to the answer. */
  answer(pending: Promise<Answer>): Promise<Answer> {
    return this.#inOrder(async () => this.#send(await pending))
  }

  /** Sends the OK message for an event, in order, once the gateway has answered it. Sends nothing if the relay answers it. */
  publication(event: unknown, pending: Promise<Publication>): Promise<void> {
    return this.#inOrder(async () => {
      const publication = await pending
      if (publication.outcome !== 'forward') this.#client.send(okMessage(event, publication))
    })
  }

  async #send(answer: Answer): Promise<Answer> {
    const { replies, unsent } = answer
    if (!this.#client.isOpen()) {
      await unsent?.()
      return answer
    }
    for await (const reply of replies) {
      this.#client.send(reply)
      if (!Array.isArray(replies)) await taken(this.#client.socket)
      if (!this.#client.isOpen()) break
    }
    return answer
  }

  #inOrder<Result>(send: () => Promise<Result>): Promise<Result> {
    const sent = this.#sent.then(send)
    this.#sent = sent.catch(() => undefined)
    return sent
  }
}

/** The OK message; a NOTICE if the event has no id. */
function okMessage(event: unknown, { accepted, message }: AnsweredPublication): GatewayMessage {
  const hasId = typeof event === 'object' && event !== null && 'id' in event && typeof event.id === 'string'
  return hasId ? ['OK', String(event.id), accepted, message] : ['NOTICE', message]
}

/** An EVENT that the relay is checking. It keeps its place in the order of messages meanwhile. */
export class EventUnderCheck {
  readonly publication: Promise<Publication>
  #resolve: (checked: CheckedEvent | undefined) => void = () => undefined

  constructor(session: GatewaySession) {
    const checked = new Promise<CheckedEvent | undefined>((resolve) => {
      this.#resolve = resolve
    })
    this.publication = session.accept(checked)
  }

  /** The relay has accepted the event. Resolves to the gateway's outcome. */
  pass(checked: CheckedEvent): Promise<Publication> {
    this.#resolve(checked)
    return this.publication
  }

  /** The relay has refused the event or finished with it: later messages no longer wait for it. */
  end(): void {
    this.#resolve(undefined)
  }
}
