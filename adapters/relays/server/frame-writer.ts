/**
 * Writes text messages to one WebSocket. What is written in the same turn of the event loop leaves in one system call, because a
 * system call costs more than a message.
 */

import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { maskedTextFrame, textFrame } from './text-frame.ts'

export interface FrameWriterSettings {
  /** Open: it is known whether it compresses. */
  readonly socket: WebSocket
  /** The TCP or TLS connection below it. */
  readonly stream: Duplex
  /** Which side we are: a client masks what it sends (RFC 6455 section 5.3). */
  readonly side: 'server' | 'client'
}

const TEXT = { binary: false }

export class FrameWriter {
  /** Whether frames go out as they are made: nothing is compressed. */
  readonly isPlain: boolean
  readonly #socket: WebSocket
  readonly #stream: Duplex
  readonly #frame: (text: Buffer | string) => Buffer
  #isOpen = false

  constructor({ socket, stream, side }: FrameWriterSettings) {
    this.#socket = socket
    this.#stream = stream
    this.isPlain = socket.extensions === ''
    this.#frame = side === 'server' ? textFrame : maskedTextFrame
  }

  /** `flushed` is called once the text is flushed, or cannot be. */
  write(text: Buffer | string, flushed?: () => void): void {
    if (this.isPlain) {
      this.writeFrames(this.#frame(text), flushed)
      return
    }
    this.#batch()
    this.#socket.send(text, TEXT, flushed)
  }

  /** Whole frames with their headers. ws writes its own to the stream at once, so that all stay in order. */
  writeFrames(frames: Buffer, flushed?: () => void): void {
    // No message may follow a close frame (RFC 6455 section 5.5.1).
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#batch()
      this.#stream.write(frames, flushed)
    } else {
      flushed?.()
    }
  }

  /** Everything until the end of the turn leaves together. */
  #batch(): void {
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
