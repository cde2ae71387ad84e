/** What a client's frame holds. One that costs more to parse than any message is worth is refused before that (I9). */

import { type ClientMessage, parseMessage, type RelayMessage } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { refusedReplies } from '../../../plugin/request/replies.ts'

/** What a smaller frame holds costs little, whatever it is. */
const SCANNED_BYTES = 16_384
/** An event is nested four deep; relays of other kinds may get something deeper. */
const MAX_DEPTH = 64
/** A contact list of the maximum size of a message has about half as many. */
const MAX_VALUES = 65_536

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** The beginning of a message that is answered by its subscription id. */
const ASKING = /^\["(REQ|COUNT|NEG-OPEN)"\s*,\s*"([^"\\]{1,64})"/

const MALFORMED: RelayMessage = [
  'NOTICE',
  'invalid: a message is a text with a JSON array that begins with a verb',
]

/** A frame as it was received; `binary`: no message. */
export type ClientFrame = Buffer | 'binary'

/** What a frame holds: a message, or something that is answered with a refusal. */
export type FrameContent =
  | { readonly outcome: 'message'; readonly message: ClientMessage }
  | { readonly outcome: 'refused'; readonly replies: readonly RelayMessage[] }

/** Parses a frame, unless that costs too much. One that is larger than `maxBytes` is answered with a refusal of what it holds. */
export function readFrame(frame: ClientFrame, maxBytes: number): FrameContent {
  if (frame === 'binary') return { outcome: 'refused', replies: [MALFORMED] }
  const cost = costOf(frame)
  if (cost !== undefined) return { outcome: 'refused', replies: repliesTo(frame, cost) }
  const message = parseMessage(frame.toString())
  if (message === undefined) return { outcome: 'refused', replies: [MALFORMED] }
  if (frame.length <= maxBytes) return { outcome: 'message', message }
  const tooLarge = new Refusal(
    'invalid',
    `the message has ${frame.length} bytes; at most ${maxBytes} are accepted`,
  )
  return { outcome: 'refused', replies: refusedReplies(message, tooLarge) }
}

function repliesTo(frame: Buffer, cost: string): RelayMessage[] {
  const [, verb = '', id] = ASKING.exec(frame.toString('latin1', 0, 128)) ?? []
  return refusedReplies([verb, id], new Refusal('invalid', `the message ${cost}`))
}

/** What is wrong with a frame before it is parsed; undefined if nothing is. */
function costOf(frame: Buffer): 'is nested too deeply' | 'holds too many values' | undefined {
  if (frame.length < SCANNED_BYTES) return undefined
  let depth = 0
  let values = 0
  for (let at = 0; at < frame.length; at++) {
    const byte = frame[at]
    if (byte === QUOTE) {
      at = endOfString(frame, at)
    } else if (byte === COMMA) {
      values += 1
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      depth += 1
      values += 1
      if (depth > MAX_DEPTH) return 'is nested too deeply'
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      depth -= 1
    }
    if (values > MAX_VALUES) return 'holds too many values'
  }
  return undefined
}

/** Where a string ends that begins at `start`; after the frame if it does not. */
function endOfString(frame: Buffer, start: number): number {
  let end = frame.indexOf(QUOTE, start + 1)
  while (end >= 0 && isEscaped(frame, start, end)) end = frame.indexOf(QUOTE, end + 1)
  return end < 0 ? frame.length : end
}

function isEscaped(frame: Buffer, start: number, quote: number): boolean {
  let at = quote - 1
  while (at > start && frame[at] === BACKSLASH) at -= 1
  return (quote - at) % 2 === 0
}
