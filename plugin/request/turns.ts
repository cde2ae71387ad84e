/**
 * Schedules answers that are made in pieces, as fast as their clients read: decides which answer makes its next piece. The
 * connections of one address share a limit of bytes in flight, so that one owner cannot exhaust memory or block the process (I9).
 */

import { addressKey } from '../nostr/requester.ts'

/** Default limit of bytes in flight to all connections of one address. */
export const MAX_UNDER_WAY_BYTES = 4_194_304

/** Permission to make one piece. */
export interface Turn {
  /** Reports that the piece is made and takes `bytes` until `end`. The next piece is made in a later turn of the event loop. */
  made(bytes: number): void
  /** Reports that the piece is flushed to the client, or never will be. Call it once. */
  end(): void
}

/** One answer's place in the queue of its address. */
export interface Queuer {
  /** Resolves when a piece may be made; to undefined if the answer is no longer wanted. */
  turn(gone: AbortSignal): Promise<Turn | undefined>
  /** Reports that the answer has ended. */
  leave(): void
}

export class Turns {
  readonly #lines = new Map<string, Line>()

  /** @param most bytes in flight to the address (IPv6: the /64). The piece that exceeds them is still sent; later ones wait. */
  join(address: string, most: number): Queuer {
    const key = addressKey(address)
    const line = this.#lines.get(key) ?? new Line()
    this.#lines.set(key, line)
    line.queuers += 1
    return {
      turn: (gone) => line.turn(most, gone),
      leave: () => {
        line.queuers -= 1
        if (line.queuers === 0) this.#lines.delete(key)
      },
    }
  }
}

interface Waiter {
  readonly most: number
  readonly call: (turn: Turn) => void
}

/** The answers to one address; the one that has waited longest is next. */
class Line {
  queuers = 0
  readonly #waiting = new Set<Waiter>()
  #bytesUnderWay = 0
  #isMaking = false

  turn(most: number, gone: AbortSignal): Promise<Turn | undefined> {
    return new Promise((resolve) => {
      if (gone.aborted) return resolve(undefined)
      const giveUp = () => {
        this.#waiting.delete(waiter)
        resolve(undefined)
      }
      const call = (turn: Turn) => {
        gone.removeEventListener('abort', giveUp)
        resolve(turn)
      }
      const waiter: Waiter = { most, call }
      gone.addEventListener('abort', giveUp, { once: true })
      this.#waiting.add(waiter)
      this.#callNext()
    })
  }

  #callNext(): void {
    const [next] = this.#waiting
    if (next === undefined || this.#isMaking || this.#bytesUnderWay >= next.most) return
    this.#waiting.delete(next)
    this.#isMaking = true
    next.call(this.#begin())
  }

  #begin(): Turn {
    let bytes: number | undefined
    const made = (size: number) => {
      bytes = size
      this.#bytesUnderWay += size
      setImmediate(() => {
        this.#isMaking = false
        this.#callNext()
      })
    }
    const end = () => {
      if (bytes === undefined) made(0)
      this.#bytesUnderWay -= bytes ?? 0
      this.#callNext()
    }
    return { made, end }
  }
}
