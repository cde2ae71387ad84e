/**
 * Lets the relay's frames pass as the bytes they came in: a server's text frames are the same on both sides of the proxy
 * (RFC 6455 section 5), so that a run of them needs neither to be taken apart nor to be made again.
 */

import { isUtf8 } from 'node:buffer'
import { Writable } from 'node:stream'
import type { WebSocket } from 'ws'

export interface FrameFilter {
  /** Whether a text may go to the client unchanged; asked for each text once, in order. */
  passes(text: Buffer): boolean
  /** Sends a run of whole frames. */
  pass(frames: Buffer): void
}

/** RFC 6455 section 5.2: the last and only frame of a text, without extensions. */
const WHOLE_TEXT = 0x81
const FINAL = 0x80
const CONTROL = 0x08
const LENGTH_IN_16_BITS = 126
const LENGTH_IN_64_BITS = 127

interface Header {
  readonly start: number
  readonly textAt: number
  readonly end: number
}

/**
 * Takes those frames out of what `socket` receives that may pass; all others, and parts of frames, it receives as before.
 * `unsupported`: this ws keeps its receiver elsewhere, so nothing passes here.
 */
export function passFrames(socket: WebSocket, filter: FrameFilter): 'passing' | 'unsupported' {
  const receiver: unknown = Reflect.get(socket, '_receiver')
  if (!(receiver instanceof Writable)) return 'unsupported'
  const receive = receiver.write.bind(receiver)
  const frames = new PassingFrames(filter, (bytes) => receive(bytes))
  receiver.write = (bytes: unknown) => (Buffer.isBuffer(bytes) ? frames.take(bytes) : receive(bytes))
  return 'passing'
}

export class PassingFrames {
  readonly #filter: FrameFilter
  readonly #receive: (bytes: Buffer) => boolean
  /** How many bytes the receiver still has to get of a frame that did not come as a whole. */
  #owed = 0
  /** The beginning of a header that did not come as a whole. */
  #begun: Buffer | undefined
  /** The receiver is in the middle of a message of several frames. */
  #isInMessage = false

  constructor(filter: FrameFilter, receive: (bytes: Buffer) => boolean) {
    this.#filter = filter
    this.#receive = receive
  }

  /** As `Writable.write`: whether the receiver takes more. */
  take(chunk: Buffer): boolean {
    const bytes = this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk])
    this.#begun = undefined
    let isReady = true
    let passingFrom = -1
    let receivedFrom = 0
    let at = Math.min(this.#owed, bytes.length)
    this.#owed -= at
    const flush = (end: number) => {
      if (passingFrom >= 0) this.#filter.pass(bytes.subarray(passingFrom, end))
      else if (end > receivedFrom) isReady = this.#receive(bytes.subarray(receivedFrom, end)) && isReady
    }
    while (at < bytes.length) {
      const header = headerAt(bytes, at)
      if (header === undefined) break
      const isPassing = this.#isPassing(bytes, header)
      if (isPassing !== passingFrom >= 0) {
        flush(at)
        passingFrom = isPassing ? at : -1
        receivedFrom = at
      }
      at = header.end
    }
    this.#owed += Math.max(0, at - bytes.length)
    const end = Math.min(at, bytes.length)
    flush(end)
    // A copy: the rest of the chunk need not be kept for it.
    if (end < bytes.length) this.#begun = Buffer.from(bytes.subarray(end))
    return isReady
  }

  #isPassing(bytes: Buffer, { start, textAt, end }: Header): boolean {
    const first = bytes[start] ?? 0
    if ((first & CONTROL) === 0 && first !== WHOLE_TEXT) this.#isInMessage = (first & FINAL) === 0
    if (first !== WHOLE_TEXT || this.#isInMessage || end > bytes.length) return false
    const text = bytes.subarray(textAt, end)
    return this.#filter.passes(text) && isUtf8(text)
  }
}

/** Of a frame that is not masked. */
function headerSize(length: number): number {
  if (length < LENGTH_IN_16_BITS) return 2
  return length < LENGTH_IN_64_BITS ? 4 : 10
}

/** Where a frame ends; undefined if its header is not there as a whole. A masked frame of a server is an error, which ws finds. */
function headerAt(bytes: Buffer, start: number): Header | undefined {
  const length = (bytes[start + 1] ?? 0) & 0x7f
  const textAt = start + headerSize(length)
  if (textAt > bytes.length) return undefined
  if (length < LENGTH_IN_16_BITS) return { start, textAt, end: textAt + length }
  if (length < LENGTH_IN_64_BITS) return { start, textAt, end: textAt + bytes.readUInt16BE(start + 2) }
  return { start, textAt, end: textAt + Number(bytes.readBigUInt64BE(start + 2)) }
}
