/**
 * Answers that are made in pieces, as their clients take them: whose turn it is to make the next piece. Connections of one
 * address share what may be under way to them, so that one owner cannot fill the process, or keep it busy (I9).
 */

import { addressKey } from '../nostr/requester.ts'

/** What connections of one address may have under way together, where the relay does not say. */
export const MAX_UNDER_WAY_BYTES = 4_194_304

/** Leave to make one piece. */
export interface Turn {
  /** The piece is made, and takes so many bytes until `end`. The next one may be made in a later turn of the event loop. */
  made(bytes: number): void
  /** The client has taken it, or never will. To be called once. */
  end(): void
}

/** One answer's place among those to its address. */
export interface Queuer {
  /** Resolves when a piece may be made; to undefined where nobody wants it any more. */
  turn(gone: AbortSignal): Promise<Turn | undefined>
  /** The answer is over. */
  leave(): void
}

export class Turns {
  readonly #lines = new Map<string, Line>()

  /** @param most bytes under way to the address (IPv6: the /64); the piece that exceeds them is the last */
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

/** The answers to one address; the one that has waited longest comes first. */
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
