/** What a client's frame holds. One that costs more to parse than any message is worth is refused before that (I9). */

import { costOfJson } from '../../../plugin/json-cost.ts'
import { type ClientMessage, parseMessage, type RelayMessage } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { refusedReplies } from '../../../plugin/request/replies.ts'

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
  const cost = costOfJson(frame)
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
