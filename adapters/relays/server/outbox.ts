/** What is sent to one client: no faster than it reads, and counted for its address. */

import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Answer } from '../../../plugin/connection.ts'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import { FrameWriter } from './frame-writer.ts'
import type { MessageTurns } from './message-turns.ts'
import type { Frame } from './relay-behind.ts'

/** A client with less than this buffered reads about as fast as the relay sends. */
const WATCHED_BYTES = 65_536

export interface OutboxSettings {
  readonly socket: WebSocket
  /** The TCP or TLS connection under the WebSocket. */
  readonly stream: Duplex
  readonly turns: MessageTurns
  /** As quotas count it (`addressKey`). */
  readonly address: string
  /** Called when data was flushed: the client is reading. */
  readonly onFlushed: () => void
}

export class Outbox {
  readonly #settings: OutboxSettings
  readonly #socket: WebSocket
  readonly #writer: FrameWriter
  #bufferedBytes = 0

  constructor(settings: OutboxSettings) {
    this.#settings = settings
    this.#socket = settings.socket
    this.#writer = new FrameWriter({ ...settings, side: 'server' })
  }

  /** Iterable replies are made only as fast as the client takes them, and stop once it has disconnected. */
  async reply(replies: Answer['replies']): Promise<void> {
    if (Array.isArray(replies)) return this.send(replies)
    for await (const message of replies) {
      await this.send([message], 1)
      if (this.#socket.readyState !== WebSocket.OPEN) return
    }
  }

  /** Sends messages; waits while `most` or more bytes are buffered for the client. */
  async send(messages: readonly RelayMessage[], most = WATCHED_BYTES): Promise<void> {
    for (const message of messages) {
      const flushed = this.#write(JSON.stringify(message))
      if (this.#socket.bufferedAmount >= most) await flushed
    }
  }

  /** Sends a frame of the relay at once; it is counted by pausing the relay, not for the address. */
  pass(frame: Frame): void {
    this.#writer.write(frame, this.#watcher())
  }

  /** Whether `passFrames` can be used: not for a client whose messages are compressed. */
  get takesFrames(): boolean {
    return this.#writer.isPlain
  }

  /** The same for whole frames with their headers. */
  passFrames(frames: Buffer): void {
    this.#writer.writeFrames(frames, this.#watcher())
  }

  #watcher(): (() => void) | undefined {
    return this.#socket.bufferedAmount >= WATCHED_BYTES ? this.#settings.onFlushed : undefined
  }

  /** The socket is closed: nothing of what was written is buffered any more. */
  close(): void {
    this.#count(-this.#bufferedBytes)
  }

  /** Resolves once the text is flushed, or cannot be. */
  #write(text: string): Promise<void> {
    this.#count(text.length)
    return new Promise((resolve) => {
      this.#writer.write(text, () => {
        this.#count(-text.length)
        this.#settings.onFlushed()
        resolve()
      })
    })
  }

  /** A callback may still come after `close`. */
  #count(bytes: number): void {
    const { turns, address } = this.#settings
    const before = this.#bufferedBytes
    this.#bufferedBytes = Math.max(0, before + bytes)
    turns.buffered(address, this.#bufferedBytes - before)
  }
}
