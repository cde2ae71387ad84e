/** A session of the gateway for one HTTP request: the same checks, quotas and rules as for a WebSocket (I1, I5). */

import type { ServerResponse } from 'node:http'
import type { Answer, GatewaySession } from '../../../plugin/connection.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { ClientMessage, GatewayMessage, Pubkey } from '../../../plugin/nostr/messages.ts'

export interface ExchangeSettings {
  readonly gateway: Pick<KeyPackageGateway, 'session'>
  readonly address: string
  readonly authenticated: readonly Pubkey[]
  readonly response: ServerResponse
}

/** An answer whose replies are all there, or can be read one at a time. */
export interface Exchanged extends Answer {
  readonly replies: readonly GatewayMessage[]
}

export class ExchangeSession {
  readonly #session: GatewaySession
  readonly #response: ServerResponse
  readonly #leave = () => this.#session.close()

  /** Ends when the client closes the connection: what it has claimed and not been sent is then released. */
  constructor({ gateway, address, authenticated, response }: ExchangeSettings) {
    this.#response = response
    this.#session = gateway.session({
      address,
      send() {},
      authenticated: () => authenticated,
      duration: 'one exchange',
      relayLists: 'kept',
    })
    response.once('close', this.#leave)
  }

  get isGone(): boolean {
    return this.#response.destroyed
  }

  /** Never rejects. */
  async ask(...message: ClientMessage): Promise<Exchanged> {
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
