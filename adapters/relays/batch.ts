/** What is written to a socket in one turn of the event loop leaves together: a system call costs more than a frame. */

import type { Duplex } from 'node:stream'

export class Batch {
  readonly #stream: Duplex
  #isOpen = false

  constructor(stream: Duplex) {
    this.#stream = stream
  }

  /** To be called before each write. */
  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#stream.cork()
    process.nextTick(this.#close)
  }

  readonly #close = (): void => {
    this.#isOpen = false
    this.#stream.uncork()
  }
}
