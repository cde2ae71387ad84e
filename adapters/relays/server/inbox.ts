/** The messages of one client that wait for their turn, and whether more are read from it. */

import type { WebSocket } from 'ws'
import type { ClientFrame } from './client-frame.ts'
import type { MessageTurns, Waiting } from './message-turns.ts'

/** Messages of this size together are enough to wait. */
const MAX_WAITING_BYTES = 65_536
/** A CLOSE is handled while earlier messages are not answered yet: it can make their answers unnecessary. */
const CLOSE = Buffer.from('["CLOSE"')

export interface InboxSettings {
  readonly socket: WebSocket
  readonly turns: MessageTurns
  /** As quotas count it (`addressKey`). */
  readonly address: string
  /** How many messages may be unanswered. */
  readonly maxPending: number
  /** Passes a message on. Call `answered` once its answer is sent, or needs no memory while it waits. */
  readonly handle: (frame: ClientFrame) => void
}

export class Inbox {
  readonly #settings: InboxSettings
  readonly #asker: Waiting
  #frames: ClientFrame[] = []
  #bytes = 0
  /** Messages that were handled; their answers may be in memory as a whole. */
  #unanswered = 0
  /** What is sent to the client, or waits for that. */
  #pending = 0
  #isAsking = false
  #isClosed = false

  constructor(settings: InboxSettings) {
    this.#settings = settings
    const nextBytes = () => sizeOf(this.#frames[0])
    this.#asker = {
      address: settings.address,
      get bytes() {
        return nextBytes()
      },
      handle: () => this.#handleNext(),
    }
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0
  }

  add(frame: ClientFrame): void {
    if (this.#isClosed) return
    if (this.isEmpty && isClose(frame) && this.#pending < this.#settings.maxPending) this.#handle(frame)
    else this.#wait(frame)
  }

  #wait(frame: ClientFrame): void {
    this.#frames.push(frame)
    this.#bytes += sizeOf(frame)
    this.#ask()
    this.#readOrPause()
  }

  /** The answer to one message is sent, or is made only as the client takes it: the next message may be handled. */
  answered(): void {
    this.#unanswered -= 1
    this.#ask()
    this.#readOrPause()
  }

  /** How many messages are under way to the client. */
  set pending(count: number) {
    this.#pending = count
    this.#ask()
    this.#readOrPause()
  }

  /** Forgets what waits, and takes nothing any more. */
  close(): void {
    this.#isClosed = true
    this.#frames = []
    this.#bytes = 0
  }

  #ask(): void {
    if (this.#isAsking || !this.#mayHandleNext()) return
    this.#isAsking = true
    this.#settings.turns.ask(this.#asker)
  }

  #mayHandleNext(): boolean {
    const [next] = this.#frames
    if (next === undefined || this.#pending >= this.#settings.maxPending) return false
    return this.#unanswered === 0 || isClose(next)
  }

  #handleNext(): void {
    this.#isAsking = false
    const frame = this.#frames.shift()
    if (frame === undefined) return
    this.#bytes -= sizeOf(frame)
    this.#handle(frame)
    this.#ask()
    this.#readOrPause()
  }

  #handle(frame: ClientFrame): void {
    this.#unanswered += 1
    this.#settings.handle(frame)
  }

  #readOrPause(): void {
    const { socket, maxPending } = this.#settings
    const isFull = this.#frames.length + this.#pending >= maxPending || this.#bytes >= MAX_WAITING_BYTES
    if (isFull) socket.pause()
    else if (socket.isPaused) socket.resume()
  }
}

function sizeOf(frame: ClientFrame | undefined): number {
  return frame === undefined || frame === 'binary' ? 0 : frame.length
}

function isClose(frame: ClientFrame): boolean {
  if (frame === 'binary' || frame.length < CLOSE.length) return false
  return frame.compare(CLOSE, 0, CLOSE.length, 0, CLOSE.length) === 0
}
