/** What a client has asked the relay and has no answer to yet: a server that stops waits for it. */

import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'
import { isSubscriptionId } from '../../../plugin/subscriptions.ts'

/** Of the ids that may wait. A client with more, or with longer ones than NIP-01 allows, is not waited for in full (I9). */
const MOST_IDS = 1000

export class Unanswered {
  /** EVENTs pass unread, so they and AUTHs are counted. */
  #events = 0
  /** Ids of REQs and COUNTs. */
  readonly #ids = new Set<unknown>()
  #settled: (() => void) | undefined

  ask([verb, id]: ClientMessage): void {
    if (verb === 'EVENT' || verb === 'AUTH') this.#events += 1
    if ((verb === 'REQ' || verb === 'COUNT') && this.#canWaitFor(id)) this.#ids.add(id)
    if (verb === 'CLOSE') this.#answered(id)
  }

  hear([verb, id]: RelayMessage): void {
    // An EVENT that cannot be read may be answered with a NOTICE.
    if ((verb === 'OK' || verb === 'NOTICE') && this.#events > 0) this.#events -= 1
    if (verb !== 'EVENT') this.#answered(id)
  }

  clear(): void {
    this.#events = 0
    this.#ids.clear()
    this.#settled?.()
  }

  /** Resolves once nothing is left, or the connection is over. */
  async settle(): Promise<void> {
    if (this.#isSettled()) return
    await new Promise<void>((resolve) => {
      this.#settled = resolve
    })
  }

  #canWaitFor(id: unknown): boolean {
    return isSubscriptionId(id) && this.#ids.size < MOST_IDS
  }

  #answered(id: unknown): void {
    this.#ids.delete(id)
    if (this.#isSettled()) this.#settled?.()
  }

  #isSettled(): boolean {
    return this.#events === 0 && this.#ids.size === 0
  }
}
