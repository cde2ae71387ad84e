/**
 * Decides which frames can pass unparsed, and writes those that were parsed. A frame passes as bytes only if every JSON
 * parser finds the same kind in it (I4): parsers differ on which of two equal keys wins, and some take `Kind` or
 * `\u006bind` for `kind`.
 */

import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'

const CLIENT_EVENT = '["EVENT",{'
const RELAY_EVENT = '["EVENT","'
/** Negentropy in progress passes: the session has already removed key packages from its NEG-OPEN. */
const CLIENT_PASSING = ['["NEG-MSG",', '["NEG-CLOSE",']
const RELAY_PASSING = '["NEG-MSG",'
const PRINTABLE = /^[ -~]+$/
/** The key, and a number after it that every parser reads alike. */
const KIND = '"kind":'
const PLAIN_NUMBER = /(0|[1-9]\d{0,4})[,}]/y
/** Endings of keys that some parser could take for `kind`; searching for them is many times faster than one pattern. */
const KIND_ENDS = ['nd"', 'ND"', 'Nd"', 'nD"']
/** A letter of `kind` as an escape sequence. */
const ESCAPED = /\\(?:x|u00[46][49be])/i

/** What a client's frame is without parsing it: an EVENT of a kind, one that may `pass`, or one to `parse`. */
export type ClientFrameScan = { readonly kind: number } | 'pass' | 'parse'

export function scanClientFrame(frame: Buffer): ClientFrameScan {
  const text = frame.toString('latin1')
  if (CLIENT_PASSING.some((start) => text.startsWith(start))) return 'pass'
  if (!text.startsWith(CLIENT_EVENT)) return 'parse'
  const kind = plainKind(text)
  return kind === undefined ? 'parse' : { kind }
}

/**
 * The start of a relay's message that may pass as bytes: verb, subscription id and kind are enough to tell whether an event
 * is a key package. Undefined: it has to be parsed.
 */
export function scanRelayFrame(frame: Buffer): RelayMessage | undefined {
  const text = frame.toString('latin1')
  if (text.startsWith(RELAY_PASSING)) return ['NEG-MSG']
  if (!text.startsWith(RELAY_EVENT)) return undefined
  const end = text.indexOf('"', RELAY_EVENT.length)
  const id = text.slice(RELAY_EVENT.length, end)
  if (!text.startsWith('",{', end) || !PRINTABLE.test(id) || id.includes('\\')) return undefined
  const kind = plainKind(text)
  return kind === undefined ? undefined : ['EVENT', id, { kind }]
}

/** The kind, if the text has exactly one key that could be taken for it, with a plain number as its value. */
function plainKind(text: string): number | undefined {
  const start = onlyKindEnd(text) - KIND.indexOf('nd')
  if (!text.startsWith(KIND, start) || (text.includes('\\') && ESCAPED.test(text))) return undefined
  PLAIN_NUMBER.lastIndex = start + KIND.length
  const [, kind] = PLAIN_NUMBER.exec(text) ?? []
  return kind === undefined ? undefined : Number(kind)
}

/** Where the only key that ends like `kind` ends; -1 where there is none, or more than one. */
function onlyKindEnd(text: string): number {
  let found = -1
  for (const end of KIND_ENDS) {
    for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + 1)) {
      if (text[at - 1] !== 'i' && text[at - 1] !== 'I') continue
      if (found >= 0) return -1
      found = at
    }
  }
  return found
}

/** The keys of NIP-01 that a case-insensitive parser could find in another key. */
const NIP_01_KEYS = new Set(
  'id pubkey created_at kind tags content sig ids authors kinds since until limit search'.split(' '),
)

/**
 * A message as text that every parser reads as we did.
 * @throws RangeError where it is nested too deeply
 */
export function writeMessage(message: ClientMessage | RelayMessage): string {
  return JSON.stringify(message.map(withoutLookalikes))
}

function withoutLookalikes(part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
  if (!Object.keys(part).some(isLookalike)) return part
  return Object.fromEntries(Object.entries(part).filter(([key]) => !isLookalike(key)))
}

/** Whether a case-insensitive parser (Unicode case folding, as in Go's encoding/json) takes it for a key of NIP-01. */
function isLookalike(key: string): boolean {
  return !NIP_01_KEYS.has(key) && NIP_01_KEYS.has(key.toUpperCase().toLowerCase())
}
