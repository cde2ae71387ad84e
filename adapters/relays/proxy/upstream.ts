/** One client's own connection to the relay: passes what may pass, holds back what is too much, and ends with it. */

import { type RawData, WebSocket } from 'ws'
import { mayBeOfKind } from '../../../plugin/nostr/event.ts'
import { type ClientMessage, parseMessage, type RelayMessage } from '../../../plugin/nostr/messages.ts'
import { Batch } from '../batch.ts'
import type { Relay, RelayClient, RelayConnection } from '../relay.ts'
import type { ServerOptions } from '../server-options.ts'
import type { Dialled } from './dial.ts'
import { lookAtClientFrame, lookAtRelayFrame, writeMessage } from './frames.ts'
import { SubscriptionIds } from './subscription-ids.ts'
import { Unanswered } from './unanswered.ts'

export interface UpstreamSettings extends Dialled {
  readonly options: ServerOptions
  /** Whether an EVENT of this kind from a client is for the session. */
  readonly concerns: (kind: number) => boolean
  /** Whose author the session has to know before it shows one. */
  readonly keyPackageKinds: readonly number[]
}

const TEXT = { binary: false }
const GONE = 1012
/** Codes with which a WebSocket ends that nobody closed on purpose, or that is no client's business (RFC 6455 section 7.4). */
const UNSAID = new Set([1001, 1005, 1006, 1009, 1012])
const UNREADABLE: RelayMessage = ['NOTICE', 'invalid: this message cannot be passed on']

/** A relay for one client, whose socket is open and paused. */
export class Upstream implements Relay, RelayConnection {
  readonly #socket: WebSocket
  readonly #batch: Batch
  readonly #options: ServerOptions
  readonly #concerns: (kind: number) => boolean
  readonly #keyPackageKinds: readonly number[]
  readonly #unanswered = new Unanswered()
  readonly #ids = new SubscriptionIds()
  #isAlive = true

  constructor({ socket, stream, options, concerns, keyPackageKinds }: UpstreamSettings) {
    this.#socket = socket
    this.#batch = new Batch(stream)
    this.#options = options
    this.#concerns = concerns
    this.#keyPackageKinds = keyPackageKinds
  }

  connect(client: RelayClient): RelayConnection {
    this.#socket.on('message', (data, isBinary) => this.#receive(data, isBinary, client))
    this.#socket.on('pong', () => {
      this.#isAlive = true
    })
    this.#socket.on('close', (code, reason) => {
      this.#unanswered.clear()
      if (UNSAID.has(code)) client.dismiss(GONE, 'the relay is gone; try again')
      else client.dismiss(code, reason.toString())
    })
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.resume()
    else client.dismiss(GONE, 'the relay is gone; try again')
    return this
  }

  async handle(message: ClientMessage): Promise<readonly RelayMessage[]> {
    const asked = this.#ids.up(message)
    const text = write(asked)
    if (text === undefined) return [UNREADABLE]
    this.#unanswered.ask(asked)
    const flushed = new Promise<void>((resolve) => this.#socket.send(text, TEXT, () => resolve()))
    if (this.#isFull()) await flushed
    return []
  }

  pass(frame: Buffer): boolean {
    if (this.#isFull()) return false
    const look = lookAtClientFrame(frame)
    if (look === 'unclear') return false
    if (look !== 'passes') {
      if (this.#concerns(look.kind)) return false
      this.#unanswered.ask(['EVENT'])
    }
    this.#batch.open()
    this.#socket.send(frame, TEXT)
    return true
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.#socket.isPaused) this.#socket.resume()
  }

  /** A relay that gives no sign of life is gone, unless it is us who do not listen. */
  heartbeat(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    if (this.#isAlive || this.#socket.isPaused) this.#socket.ping()
    else this.#socket.terminate()
    this.#isAlive = false
  }

  settle(): Promise<void> {
    return this.#unanswered.settle()
  }

  close(): void {
    this.#unanswered.clear()
    this.#socket.resume()
    this.#socket.close()
  }

  /** Nothing binary and nothing that is no message goes on: a client that reads it might find a key package there (I4). */
  #receive(data: RawData, isBinary: boolean, client: RelayClient): void {
    this.#isAlive = true
    if (isBinary) return
    const frame = data as Buffer
    const look = lookAtRelayFrame(frame)
    if (look === undefined || this.#mustRead(look)) this.#read(frame, client)
    else client.pass(frame, look)
  }

  #mustRead([, , event]: RelayMessage): boolean {
    return !this.#ids.isPlain || mayBeOfKind(event, this.#keyPackageKinds)
  }

  #read(frame: Buffer, client: RelayClient): void {
    const message = parseMessage(frame.toString())
    if (message === undefined) return
    this.#unanswered.hear(message)
    const current = this.#ids.down(message)
    if (current === undefined) return
    const text = current === message && message[0] !== 'EVENT' ? frame : write(current)
    if (text !== undefined) client.pass(text, current)
  }

  #isFull(): boolean {
    return this.#socket.bufferedAmount >= this.#options.maxBufferedBytes
  }
}

/** Undefined where it is nested more deeply than anybody could mean. */
function write(message: ClientMessage | RelayMessage): string | undefined {
  try {
    return writeMessage(message)
  } catch {
    return undefined
  }
}
