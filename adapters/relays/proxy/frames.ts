/**
 * Which frames have to be read, and how one that was read is written again. A frame passes as bytes only where no JSON
 * parser can find another event in it than we do (I4): two parsers differ on which of two equal keys counts, and some
 * take `Kind` or `\u006bind` for `kind`.
 */

import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'

/** How an EVENT begins that is written plainly, from a client and from a relay. */
const CLIENT_EVENT = '["EVENT",{'
const RELAY_EVENT = /^\["EVENT","([ !#-[\]-~]{1,64})",\{/
/** Negentropy under way goes through: its NEG-OPEN was split. */
const CLIENT_PASSING = /^\["NEG-(?:MSG|CLOSE)",/
const RELAY_PASSING = /^\["(NEG-MSG|NEG-ERR)",/
/** Ends every key that some parser could take for `kind`, and tells its value where it is written plainly. */
const KIND_ENDS = /ind"/gi
const PLAIN_KIND = /"kind":(0|[1-9]\d{0,4})[,}]/
/** A letter of `kind`, escaped. */
const ESCAPED = /\\(?:x|u00[46][49be])/i

/** What a client's frame is, as far as a look tells: an event of a kind, something that passes, or to be read. */
export type ClientFrame = { readonly kind: number } | 'passes' | 'unclear'

export function lookAtClientFrame(frame: Buffer): ClientFrame {
  const text = frame.toString('latin1')
  if (text.startsWith(CLIENT_EVENT)) {
    const kind = plainKind(text)
    return kind === undefined ? 'unclear' : { kind }
  }
  return CLIENT_PASSING.test(text) ? 'passes' : 'unclear'
}

/**
 * What had to be read of a relay's frame that may go on as bytes: verb, subscription id and kind suffice to tell whether
 * an event is a key package. Undefined: it has to be read in full.
 */
export function lookAtRelayFrame(frame: Buffer): RelayMessage | undefined {
  const text = frame.toString('latin1')
  const [, id] = RELAY_EVENT.exec(text) ?? []
  if (id !== undefined) {
    const kind = plainKind(text)
    return kind === undefined ? undefined : ['EVENT', id, { kind }]
  }
  const [, verb] = RELAY_PASSING.exec(text) ?? []
  return verb === undefined ? undefined : [verb]
}

/** The kind, where the text has one key alone that could stand for it and its value is written plainly. */
function plainKind(text: string): number | undefined {
  KIND_ENDS.lastIndex = 0
  if (!KIND_ENDS.test(text) || KIND_ENDS.test(text) || ESCAPED.test(text)) return undefined
  const [, kind] = PLAIN_KIND.exec(text) ?? []
  return kind === undefined ? undefined : Number(kind)
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
