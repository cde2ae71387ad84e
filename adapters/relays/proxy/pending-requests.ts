/** Which messages of a client the upstream relay has not answered yet: a stopping server waits for them. */

import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'
import { isSubscriptionId } from '../../../plugin/request/subscriptions.ts'

/** Of the subscription ids waited for. Ids beyond it, or longer than NIP-01 allows, are not waited for (I9). */
const MAX_IDS = 1000

export class PendingRequests {
  /** How many EVENTs and AUTHs have no OK yet. They are counted, because EVENTs pass unparsed. */
  #events = 0
  /** Ids of REQs and COUNTs without an answer. */
  readonly #ids = new Set<unknown>()
  #onAllAnswered: (() => void) | undefined

  /** A message has been sent to the relay. */
  sent([verb, id]: ClientMessage): void {
    if (verb === 'EVENT' || verb === 'AUTH') this.#events += 1
    if ((verb === 'REQ' || verb === 'COUNT') && this.#canWaitFor(id)) this.#ids.add(id)
    if (verb === 'CLOSE') this.#answered(id)
  }

  /** A message has come from the relay. */
  received([verb, id]: RelayMessage): void {
    // A relay may answer an EVENT that it cannot parse with a NOTICE.
    if ((verb === 'OK' || verb === 'NOTICE') && this.#events > 0) this.#events -= 1
    if (verb !== 'EVENT') this.#answered(id)
  }

  /** The connection is closed: no more answers will come. */
  clear(): void {
    this.#events = 0
    this.#ids.clear()
    this.#onAllAnswered?.()
  }

  /** Resolves once everything is answered or the connection is closed. */
  async allAnswered(): Promise<void> {
    if (this.#isEmpty()) return
    await new Promise<void>((resolve) => {
      this.#onAllAnswered = resolve
    })
  }

  #canWaitFor(id: unknown): boolean {
    return isSubscriptionId(id) && this.#ids.size < MAX_IDS
  }

  #answered(id: unknown): void {
    this.#ids.delete(id)
    if (this.#isEmpty()) this.#onAllAnswered?.()
  }

  #isEmpty(): boolean {
    return this.#events === 0 && this.#ids.size === 0
  }
}
