/**
 * Asks the upstream relay for authors' follow lists, over a connection of the gateway's own, which no client sees. It is opened
 * when it is needed, and closed when it has not been used for a while.
 */

import type { RawData, WebSocket } from 'ws'
import { followListFilters } from '../../../plugin/lifecycle/follow-list.ts'
import { type Pubkey, parseMessage, type SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { UpstreamDialer } from './upstream-dialer.ts'

export interface UpstreamFollowListsSettings {
  /** The relay's address. */
  readonly upstream: string
  readonly dialer: UpstreamDialer
}

const IDLE_MS = 30_000
/** A relay has one list of each kind; it may send more, but not without end (I9). */
const MAX_EVENTS = 10

export class UpstreamFollowLists {
  readonly #settings: UpstreamFollowListsSettings
  readonly #stopped = new AbortController()
  #line: Promise<Line> | undefined

  constructor(settings: UpstreamFollowListsSettings) {
    this.#settings = settings
  }

  /** The stored lists of an author. Rejects if the relay cannot be reached, or has not answered when `late` is aborted. */
  async ask(author: Pubkey, late: AbortSignal): Promise<readonly SignedEvent[]> {
    const line = await this.#open()
    late.throwIfAborted()
    return line.ask(author, late)
  }

  close(): void {
    this.#stopped.abort()
    this.#line?.then((line) => line.close()).catch(() => undefined)
  }

  #open(): Promise<Line> {
    this.#line ??= this.#dial().catch((error: unknown) => {
      this.#line = undefined
      throw error
    })
    return this.#line
  }

  async #dial(): Promise<Line> {
    const { upstream, dialer } = this.#settings
    const url = new URL(upstream)
    const { socket } = await dialer.dial({ url, headers: {}, protocols: [], gone: this.#stopped.signal })
    return new Line(socket, () => {
      this.#line = undefined
    })
  }
}

/** What the relay has sent for one author so far. */
interface Question {
  readonly events: SignedEvent[]
  resolve(events: readonly SignedEvent[]): void
  reject(error: unknown): void
}

/** One connection to the relay. */
class Line {
  readonly #socket: WebSocket
  readonly #onEnd: () => void
  readonly #questions = new Map<string, Question>()
  #asked = 0
  #idle: NodeJS.Timeout | undefined
  #isOver = false

  /** @param socket open and paused. @param onEnd called once, when it cannot be used any more */
  constructor(socket: WebSocket, onEnd: () => void) {
    this.#socket = socket
    this.#onEnd = onEnd
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('close', () => this.close())
    socket.resume()
  }

  async ask(author: Pubkey, late: AbortSignal): Promise<readonly SignedEvent[]> {
    clearTimeout(this.#idle)
    this.#asked += 1
    const id = `follows:${this.#asked}`
    // A connection without an answer may be dead: the next question opens another.
    const giveUp = () => this.close()
    late.addEventListener('abort', giveUp)
    try {
      return await new Promise((resolve, reject) => {
        this.#questions.set(id, { events: [], resolve, reject })
        this.#send(['REQ', id, ...followListFilters(author)])
      })
    } finally {
      late.removeEventListener('abort', giveUp)
      this.#questions.delete(id)
      this.#send(['CLOSE', id])
      if (this.#questions.size === 0) this.#idle = setTimeout(() => this.close(), IDLE_MS).unref()
    }
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#idle)
    this.#onEnd()
    this.#socket.close()
    for (const { reject } of this.#questions.values()) reject(new Error('the relay has not answered'))
  }

  /** A socket that is closing fails here, and its `close` event follows. */
  #send(message: readonly unknown[]): void {
    this.#socket.send(JSON.stringify(message), () => undefined)
  }

  #receive(data: RawData, isBinary: boolean): void {
    const message = isBinary ? undefined : parseMessage(data.toString())
    if (message === undefined) return
    const [verb, id, event] = message
    const question = this.#questions.get(String(id))
    if (question === undefined) return
    // Whoever gets the events checks them.
    if (verb === 'EVENT' && question.events.length < MAX_EVENTS) question.events.push(event as SignedEvent)
    if (verb === 'EOSE' || verb === 'CLOSED') question.resolve(question.events)
  }
}
