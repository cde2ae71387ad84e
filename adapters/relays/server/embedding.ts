/** What the plugins of relays share: answers sent in order, no faster than the client takes them, and events checked elsewhere. */

import type { Answer, CheckedEvent, GatewaySession, Publication } from '../../../plugin/connection.ts'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'

/** As the sockets of `ws` have it. Of one without these members nothing is known, and nothing is waited for. */
interface Socket {
  readonly bufferedAmount: number
  ping(flushed: () => void): void
}

/** Resolves once everything sent so far has left this process, or cannot any more: a ping goes out after all of it. */
async function taken(socket: object): Promise<void> {
  if (!isSocket(socket) || socket.bufferedAmount === 0) return
  await new Promise<void>((resolve) => socket.ping(() => resolve()))
}

function isSocket(socket: object): socket is Socket {
  return 'bufferedAmount' in socket && 'ping' in socket && typeof socket.ping === 'function'
}

/** The client of an embedding relay, as its plugin knows it. */
export interface EmbeddedClient {
  /** Its WebSocket. */
  readonly socket: object
  isOpen(): boolean
  send(message: RelayMessage): void
}

/** Sends answers one after the other, however long a list takes. */
export class AnswerQueue {
  readonly #client: EmbeddedClient
  #sent: Promise<unknown> = Promise.resolve()

  constructor(client: EmbeddedClient) {
    this.#client = client
  }

  /** Sends the replies of an answer, and gives its claims back where the client is gone. Resolves to the answer. */
  answer(pending: Promise<Answer>): Promise<Answer> {
    return this.#inOrder(async () => this.#send(await pending))
  }

  /** Sends the OK message for an event that the gateway has answered. */
  publication(
    event: object,
    { accepted, message }: Exclude<Publication, { outcome: 'forward' }>,
  ): Promise<void> {
    const id = 'id' in event ? event.id : undefined
    return this.#inOrder(async () => this.#client.send(['OK', id, accepted, message]))
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

/** An EVENT that the relay is checking; its place in the order of messages is kept meanwhile. */
export class EventUnderCheck {
  readonly publication: Promise<Publication>
  #resolve: (checked: CheckedEvent | undefined) => void = () => undefined

  constructor(session: GatewaySession) {
    const checked = new Promise<CheckedEvent | undefined>((resolve) => {
      this.#resolve = resolve
    })
    this.publication = session.accept(checked)
  }

  /** The relay lets it pass. Resolves to what the gateway makes of it. */
  pass(checked: CheckedEvent): Promise<Publication> {
    this.#resolve(checked)
    return this.publication
  }

  /** The relay has refused it, or is done with it: its place is given up. */
  end(): void {
    this.#resolve(undefined)
  }
}
