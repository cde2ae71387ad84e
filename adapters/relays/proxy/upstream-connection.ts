/**
 * One client's connection to the upstream relay: passes frames unparsed where it can, slows down with the slower side, and
 * closes with it.
 */

import { type RawData, WebSocket } from 'ws'
import { mayBeOfKind } from '../../../plugin/nostr/event.ts'
import { type ClientMessage, parseMessage, type RelayMessage } from '../../../plugin/nostr/messages.ts'
import { FrameWriter } from '../server/frame-writer.ts'
import type { ClientFrames, Relay, RelayClient, RelayConnection } from '../server/relay-behind.ts'
import type { ServerOptions } from '../server/server-options.ts'
import { scanClientFrame, scanRelayFrame, writeMessage } from './frame-scan.ts'
import { passFrames } from './passing-frames.ts'
import { PendingRequests } from './pending-requests.ts'
import { SubscriptionIds } from './subscription-ids.ts'
import type { UpstreamSocket } from './upstream-dialer.ts'

export interface UpstreamConnectionSettings extends UpstreamSocket {
  readonly options: ServerOptions
  /** Whether the session has to see a client's EVENT of this kind. */
  readonly isForSession: (kind: number) => boolean
  /** Events of these kinds are parsed, so that the session can check who may see them. */
  readonly keyPackageKinds: readonly number[]
}

/** Service restart (RFC 6455 section 7.4, IANA registry): the client should reconnect. */
const SERVICE_RESTART = 1012
const DISCONNECTED = 'the relay has disconnected; try again'
/** Close codes of a connection that broke, or that mean nothing to the client. */
const NOT_FOR_CLIENT = new Set([1001, 1005, 1006, 1009, 1012])
const TOO_DEEP: RelayMessage = ['NOTICE', 'invalid: the message is nested too deeply']

/** The relay of one client, made from a socket that is open and paused. */
export class UpstreamConnection implements Relay, RelayConnection {
  readonly #socket: WebSocket
  readonly #writer: FrameWriter
  readonly #options: ServerOptions
  readonly #isForSession: (kind: number) => boolean
  readonly #keyPackageKinds: readonly number[]
  readonly #pending = new PendingRequests()
  readonly #ids = new SubscriptionIds()
  #isAlive = true

  constructor({ socket, stream, options, isForSession, keyPackageKinds }: UpstreamConnectionSettings) {
    this.#socket = socket
    this.#writer = new FrameWriter({ socket, stream, side: 'client' })
    this.#options = options
    this.#isForSession = isForSession
    this.#keyPackageKinds = keyPackageKinds
  }

  connect(client: RelayClient): RelayConnection {
    this.#socket.on('message', (data, isBinary) => this.#receive(data, isBinary, client))
    const { frames } = client
    if (frames !== undefined) {
      passFrames(this.#socket, {
        passes: (text) => this.#passes(text, frames),
        pass: (bytes) => frames.pass(bytes),
      })
    }
    this.#socket.on('pong', () => {
      this.#isAlive = true
    })
    this.#socket.on('close', (code, reason) => {
      this.#pending.clear()
      if (NOT_FOR_CLIENT.has(code)) client.close(SERVICE_RESTART, DISCONNECTED)
      else client.close(code, reason.toString())
    })
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.resume()
    else client.close(SERVICE_RESTART, DISCONNECTED)
    return this
  }

  async handle(message: ClientMessage): Promise<readonly RelayMessage[]> {
    const renamed = this.#ids.toRelay(message)
    const text = write(renamed)
    if (text === undefined) return [TOO_DEEP]
    this.#pending.sent(renamed)
    const flushed = new Promise<void>((resolve) => this.#writer.write(text, resolve))
    if (this.#isFull()) await flushed
    return []
  }

  pass(frame: Buffer): boolean {
    if (this.#isFull()) return false
    const scan = scanClientFrame(frame)
    if (scan === 'parse') return false
    if (scan !== 'pass') {
      if (this.#isForSession(scan.kind)) return false
      this.#pending.sent(['EVENT'])
    }
    this.#writer.write(frame)
    return true
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.#socket.isPaused) this.#socket.resume()
  }

  /** Disconnects from a relay that has not answered the last ping, unless we have stopped reading from it. */
  heartbeat(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    if (this.#isAlive || this.#socket.isPaused) this.#socket.ping()
    else this.#socket.terminate()
    this.#isAlive = false
  }

  allAnswered(): Promise<void> {
    return this.#pending.allAnswered()
  }

  close(): void {
    this.#pending.clear()
    this.#socket.resume()
    this.#socket.close()
  }

  /** Drops binary frames and text that is not a message, because a client might find a key package in them (I4). */
  #receive(data: RawData, isBinary: boolean, client: RelayClient): void {
    this.#isAlive = true
    if (isBinary) return
    const frame = data as Buffer
    const scanned = scanRelayFrame(frame)
    if (scanned === undefined || this.#mustParse(scanned)) this.#parse(frame, client)
    else client.pass(frame, scanned)
  }

  #passes(text: Buffer, frames: ClientFrames): boolean {
    this.#isAlive = true
    const scanned = scanRelayFrame(text)
    return scanned !== undefined && !this.#mustParse(scanned) && frames.shows(scanned)
  }

  #mustParse([, , event]: RelayMessage): boolean {
    return !this.#ids.isPlain || mayBeOfKind(event, this.#keyPackageKinds)
  }

  #parse(frame: Buffer, client: RelayClient): void {
    const message = parseMessage(frame.toString())
    if (message === undefined) return
    this.#pending.received(message)
    const renamed = this.#ids.toClient(message)
    if (renamed === undefined) return
    const text = renamed === message && message[0] !== 'EVENT' ? frame : write(renamed)
    if (text !== undefined) client.pass(text, renamed)
  }

  #isFull(): boolean {
    return this.#socket.bufferedAmount >= this.#options.maxBufferedBytes
  }
}

/** Undefined where the message is nested too deeply to be written. */
function write(message: ClientMessage | RelayMessage): string | undefined {
  try {
    return writeMessage(message)
  } catch {
    return undefined
  }
}
