/**
 * Batches the writes to one socket: everything written in the same turn of the event loop leaves in one system call,
 * because a system call costs more than a WebSocket frame.
 */

import type { Duplex } from 'node:stream'

export class WriteBatch {
  readonly #stream: Duplex
  #isOpen = false

  /** @param stream the TCP or TLS connection below the WebSocket */
  constructor(stream: Duplex) {
    this.#stream = stream
  }

  /** Call it before each write; the batch is flushed at the end of the turn. */
  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#stream.cork()
    process.nextTick(this.#flush)
  }

  readonly #flush = (): void => {
    this.#isOpen = false
    this.#stream.uncork()
  }
}
