/**
 * Makes the frame of a text message (RFC 6455 section 5.2) in one piece, so that it leaves in one plain write: ws writes header
 * and text separately, which costs several times as much for the short messages of Nostr.
 */

import { randomFillSync } from 'node:crypto'

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
