/**
 * Which frames have to be read, and how one that was read is written again. A frame passes as bytes only where no JSON
 * parser can find another event in it than we do (I4): two parsers differ on which of two equal keys counts, and some
 * take `Kind` or `\u006bind` for `kind`.
 */

import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'

const CLIENT_EVENT = '["EVENT",{'
const RELAY_EVENT = '["EVENT","'
/** Negentropy under way goes through: its NEG-OPEN was split. */
const CLIENT_PASSING = ['["NEG-MSG",', '["NEG-CLOSE",']
const RELAY_PASSING = '["NEG-MSG",'
const PRINTABLE = /^[ -~]+$/
/** `"kind":`, and what has to come before and after it. */
const KIND = '"kind":'
const PLAIN_NUMBER = /(0|[1-9]\d{0,4})[,}]/y
/** How a key ends that some parser could take for `kind`; found many times faster than by a pattern for them all. */
const KIND_ENDS = ['nd"', 'ND"', 'Nd"', 'nD"']
/** A letter of `kind`, escaped. */
const ESCAPED = /\\(?:x|u00[46][49be])/i

/** What a client's frame is, as far as a look tells: an event of a kind, something that passes, or to be read. */
export type ClientFrame = { readonly kind: number } | 'passes' | 'unclear'

export function lookAtClientFrame(frame: Buffer): ClientFrame {
  const text = frame.toString('latin1')
  if (CLIENT_PASSING.some((start) => text.startsWith(start))) return 'passes'
  if (!text.startsWith(CLIENT_EVENT)) return 'unclear'
  const kind = plainKind(text)
  return kind === undefined ? 'unclear' : { kind }
}

/**
 * What had to be read of a relay's frame that may go on as bytes: verb, subscription id and kind suffice to tell whether
 * an event is a key package. Undefined: it has to be read in full.
 */
export function lookAtRelayFrame(frame: Buffer): RelayMessage | undefined {
  const text = frame.toString('latin1')
  if (text.startsWith(RELAY_PASSING)) return ['NEG-MSG']
  if (!text.startsWith(RELAY_EVENT)) return undefined
  const end = text.indexOf('"', RELAY_EVENT.length)
  const id = text.slice(RELAY_EVENT.length, end)
  if (!text.startsWith('",{', end) || !PRINTABLE.test(id) || id.includes('\\')) return undefined
  const kind = plainKind(text)
  return kind === undefined ? undefined : ['EVENT', id, { kind }]
}

/** The kind, where the text has one key alone that could stand for it and its value is written plainly. */
function plainKind(text: string): number | undefined {
  const start = onlyKindEnd(text) - KIND.indexOf('nd')
  if (!text.startsWith(KIND, start) || (text.includes('\\') && ESCAPED.test(text))) return undefined
  PLAIN_NUMBER.lastIndex = start + KIND.length
  const [, kind] = PLAIN_NUMBER.exec(text) ?? []
  return kind === undefined ? undefined : Number(kind)
}

/** Where the one key ends that ends like `kind`; -1 where there is none, or another. */
function onlyKindEnd(text: string): number {
  let place = -1
  for (const end of KIND_ENDS) {
    for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + 1)) {
      if (text[at - 1] !== 'i' && text[at - 1] !== 'I') continue
      if (place >= 0) return -1
      place = at
    }
  }
  return place
}

/** The keys of NIP-01 that a reader without regard to case could take another key for. */
const NAMES = new Set(
  'id pubkey created_at kind tags content sig ids authors kinds since until limit search'.split(' '),
)

/** A message as text in which everyone reads what we have read of it. @throws RangeError where it is nested too deeply */
export function writeMessage(message: ClientMessage | RelayMessage): string {
  return JSON.stringify(message.map(withoutLookalikes))
}

function withoutLookalikes(part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
  if (!Object.keys(part).some(isLookalike)) return part
  return Object.fromEntries(Object.entries(part).filter(([key]) => !isLookalike(key)))
}

/** Whether case folding (Unicode's, as in Go's encoding/json) makes a name of it that it is not. */
function isLookalike(key: string): boolean {
  return !NAMES.has(key) && NAMES.has(key.toUpperCase().toLowerCase())
}
