/** Whether the relay can be reached: the log says when that changes, and not for each client that finds it so. */

import type { Logger } from '../../../plugin/context.ts'
import { HandshakeRefused } from '../listener.ts'

const BAD_GATEWAY = 502

export class Reach {
  readonly #log: Logger
  #isReached = true

  constructor(log: Logger) {
    this.#log = log
  }

  /** Resolves and rejects as `dialling` does. One that its client gave up says nothing about the relay. */
  async note<Dialled>(dialling: Promise<Dialled>, gone: AbortSignal): Promise<Dialled> {
    try {
      const dialled = await dialling
      this.#reached()
      return dialled
    } catch (error) {
      if (gone.aborted) throw error
      if (error instanceof HandshakeRefused && error.status !== BAD_GATEWAY) this.#reached()
      else this.#missed(error)
      throw error
    }
  }

  #reached(): void {
    if (!this.#isReached) this.#log.info({}, 'the relay is reached again')
    this.#isReached = true
  }

  #missed(error: unknown): void {
    if (this.#isReached) this.#log.error({ err: error }, 'the relay cannot be reached')
    this.#isReached = false
  }
}
