/**
 * Which client's message is handled next: that of the address which was given least, one of a connection in one turn of the
 * event loop, and none of an address whose clients do not take their answers (I9).
 */

import { AddressLines } from '../../../plugin/fair-queue.ts'
import type { ServerOptions } from './server-options.ts'

/** What one turn of the event loop handles: several small messages, or one large one. */
const MAX_MESSAGES = 16
const MAX_BYTES = 8192
/** What a message costs beside its bytes, in bytes. */
const MESSAGE_COST = 256
/** Answers that wait for all clients together are at most so many times as large as those of one address. */
const FULL_ADDRESSES = 64

/** A connection with a message that waits. */
export interface Waiting {
  /** As quotas count it (`addressKey`). */
  readonly address: string
  /** The size of its next message. */
  readonly bytes: number
  /** Handles its next message. */
  handle(): void
}

/** Shared by all connections of a server. */
export class MessageTurns {
  readonly #maxBufferedBytes: number
  readonly #waiting = new AddressLines<Waiting>(({ bytes }) => bytes + MESSAGE_COST)
  readonly #bufferedBytes = new Map<string, number>()
  /** Those that have had their turn. They may have asked for the next one. */
  readonly #served = new Map<Waiting, 'asks again' | 'served'>()
  #allBufferedBytes = 0
  #handledBytes = 0
  #isScheduled = false

  constructor({ maxBufferedBytes }: Pick<ServerOptions, 'maxBufferedBytes'>) {
    this.#maxBufferedBytes = maxBufferedBytes
  }

  /** Has the next message of a connection handled when it is its turn: at once if nothing else was in this turn. */
  ask(connection: Waiting): void {
    if (this.#served.has(connection)) this.#served.set(connection, 'asks again')
    else this.#waiting.add(connection.address, connection)
    this.#handle()
  }

  /** Counts what is written for clients of an address; negative once it is flushed. */
  buffered(address: string, bytes: number): void {
    const before = this.#bufferedBytes.get(address) ?? 0
    if (before + bytes === 0) this.#bufferedBytes.delete(address)
    else this.#bufferedBytes.set(address, before + bytes)
    this.#allBufferedBytes += bytes
    if (bytes < 0) this.#handle()
  }

  #handle(): void {
    while (this.#served.size < MAX_MESSAGES && this.#handledBytes < MAX_BYTES) {
      const connection = this.#waiting.take(this.#hasRoom)
      if (connection === undefined) return
      this.#handledBytes += connection.bytes
      this.#served.set(connection, 'served')
      this.#endTurn()
      connection.handle()
    }
  }

  readonly #hasRoom = (address: string): boolean => {
    const bytes = this.#bufferedBytes.get(address) ?? 0
    if (bytes === 0) return true
    const maxOfAll = FULL_ADDRESSES * this.#maxBufferedBytes
    return bytes < this.#maxBufferedBytes && this.#allBufferedBytes < maxOfAll
  }

  #endTurn(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#handledBytes = 0
      const served = [...this.#served]
      this.#served.clear()
      for (const [connection, state] of served)
        if (state === 'asks again') this.#waiting.add(connection.address, connection)
      this.#handle()
    })
  }
}
