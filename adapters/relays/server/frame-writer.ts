/**
 * Writes text messages to one WebSocket, each as a frame (RFC 6455 section 5.2) in one piece: ws writes header and text separately,
 * which costs several times as much for the short messages of Nostr. What is written in the same turn of the event loop leaves in one
 * system call, because a system call costs more than a message.
 */

import { randomFillSync } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'

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

const WHOLE_TEXT = 0x81
const MASKED = 0x80
const KEY_BYTES = 4
/** Up to here the length is in the second byte. */
const SHORT = 125
const IN_16_BITS = 126
const IN_64_BITS = 127

/** Random bytes are made for many frames at once. */
const keys = Buffer.alloc(KEY_BYTES * 1024)
let nextKey = keys.length

/** Of a server. */
export function textFrame(text: Buffer | string): Buffer {
  const length = Buffer.byteLength(text)
  const frame = Buffer.allocUnsafe(headerSize(length) + length)
  writeText(frame, writeHeader(frame, length, 0), text)
  return frame
}

/** Of a client, masked with a key that nobody can foretell (RFC 6455 section 5.3). */
export function maskedTextFrame(text: Buffer | string): Buffer {
  const length = Buffer.byteLength(text)
  const frame = Buffer.allocUnsafe(headerSize(length) + KEY_BYTES + length)
  const keyAt = writeHeader(frame, length, MASKED)
  if (nextKey === keys.length) {
    randomFillSync(keys)
    nextKey = 0
  }
  keys.copy(frame, keyAt, nextKey, nextKey + KEY_BYTES)
  nextKey += KEY_BYTES
  const textAt = keyAt + KEY_BYTES
  writeText(frame, textAt, text)
  for (let at = textAt; at < frame.length; at++)
    frame[at] = (frame[at] ?? 0) ^ (frame[keyAt + ((at - textAt) & 3)] ?? 0)
  return frame
}

function headerSize(length: number): number {
  if (length <= SHORT) return 2
  return length <= 0xffff ? 4 : 10
}

/** Returns where the header ends. */
function writeHeader(frame: Buffer, length: number, flag: number): number {
  frame[0] = WHOLE_TEXT
  if (length <= SHORT) {
    frame[1] = flag | length
    return 2
  }
  if (length <= 0xffff) {
    frame[1] = flag | IN_16_BITS
    return frame.writeUInt16BE(length, 2)
  }
  frame[1] = flag | IN_64_BITS
  return frame.writeBigUInt64BE(BigInt(length), 2)
}

function writeText(frame: Buffer, at: number, text: Buffer | string): void {
  if (typeof text === 'string') frame.write(text, at)
  else text.copy(frame, at)
}
