/** A REQ of the gateway's own, which nostream's handler answers over the connection of a client, who sees nothing of it. */

import { randomBytes } from 'node:crypto'
import type { ClientMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { NostreamHandler } from './required-members.ts'

export class OwnQuestion {
  /** Random, so that no client has a subscription of that name. */
  readonly id = `keypackages:${randomBytes(12).toString('base64url')}`
  readonly #events: SignedEvent[] = []
  #isComplete = false
  #isBeingAsked = false

  /** Resolves once the handler has emitted its answer. Rejects if it fails, or if the client disconnects. */
  async putTo(handler: NostreamHandler<ClientMessage>, message: ClientMessage): Promise<void> {
    this.#isBeingAsked = true
    const answered = handler.handleMessage(message)
    this.#isBeingAsked = false
    await answered
  }

  /**
   * What nostream's handler emits on the connection, if it is about this REQ; then it goes no further. A REQ that is not a
   * subscription gets no live events, and needs no CLOSE.
   */
  takes(name: string | symbol, [subject]: readonly unknown[]): boolean {
    if (name === 'subscribe') return subject === this.id
    if (name !== 'message' || !Array.isArray(subject)) return false
    const [verb, id, event] = subject as readonly unknown[]
    // It refuses a REQ at once, with a NOTICE.
    if (verb === 'NOTICE') return this.#isBeingAsked
    if (id !== this.id) return false
    if (verb === 'EVENT') this.#events.push(event as SignedEvent)
    if (verb === 'EOSE') this.#isComplete = true
    return true
  }

  /** @throws Error if nostream has refused the REQ */
  answer(): readonly SignedEvent[] {
    if (!this.#isComplete) throw new Error('nostream has refused to look for follow lists')
    return this.#events
  }
}
