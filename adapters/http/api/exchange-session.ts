/** A session of the gateway for one HTTP request: the same checks, quotas and rules as for a WebSocket (I1, I5). */

import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, GatewaySession } from '../../../plugin/connection.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { ClientMessage, GatewayMessage } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { TOO_MANY_WRONG_SIGNATURES } from '../problem.ts'
import { pubkeysOf } from './caller.ts'

type Gateway = Pick<KeyPackageGateway, 'session'>

/** An answer whose replies are all there, or can be read one at a time. */
export interface Exchanged extends Answer {
  readonly replies: readonly GatewayMessage[]
}

/** Makes a session for a request, and closes it once `use` has what it needs. */
export async function inSession<Result>(
  gateway: Gateway,
  request: FastifyRequest,
  reply: FastifyReply,
  use: (session: ExchangeSession) => Promise<Result>,
): Promise<Result> {
  const session = new ExchangeSession(gateway, request, reply)
  try {
    return await use(session)
  } finally {
    session.close()
  }
}

export class ExchangeSession {
  readonly #session: GatewaySession
  readonly #request: FastifyRequest
  readonly #response: ServerResponse
  readonly #leave = () => this.#session.close()

  /** Ends when the client closes the connection: what it has claimed and not been sent is then released. */
  constructor(gateway: Gateway, request: FastifyRequest, reply: FastifyReply) {
    const authenticated = pubkeysOf(request)
    this.#request = request
    this.#response = reply.raw
    this.#session = gateway.session({
      address: request.address,
      send() {},
      authenticated: () => authenticated,
      onBadSignature: request.onBadSignature,
      duration: 'one exchange',
      relayLists: 'kept',
    })
    this.#response.once('close', this.#leave)
  }

  get isGone(): boolean {
    return this.#response.destroyed
  }

  /** @throws Refusal if the client has sent too many wrong signatures */
  async ask(...message: ClientMessage): Promise<Exchanged> {
    if (this.#request.isUntrusted) throw new Refusal('rate-limited', TOO_MANY_WRONG_SIGNATURES)
    const answer = await this.#session.fromClient(message)
    const replies: GatewayMessage[] = []
    for await (const reply of answer.replies) replies.push(reply)
    return { ...answer, replies }
  }

  /** Nothing more is asked. What was answered stays so. */
  close(): void {
    this.#response.off('close', this.#leave)
    this.#session.close()
  }
}
