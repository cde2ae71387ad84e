/** Which JSON costs more to parse than any message is worth, so that it is refused before that (I9). Pure. */

/** What is smaller costs little, whatever it is. */
const SCANNED_BYTES = 16_384
/** An event is nested four deep; relays of other kinds may get something deeper. */
const MAX_DEPTH = 64
/** A contact list of the maximum size of a message has about half as many. */
const MAX_VALUES = 65_536

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** What is wrong with a JSON text, as the rest of a sentence; undefined if nothing is. It need not be JSON. */
export function costOfJson(text: Uint8Array): 'is nested too deeply' | 'holds too many values' | undefined {
  if (text.length < SCANNED_BYTES) return undefined
  let depth = 0
  let values = 0
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (byte === QUOTE) {
      at = endOfString(text, at)
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

/** Where a string ends that begins at `start`; after the text if it does not. */
function endOfString(text: Uint8Array, start: number): number {
  let end = text.indexOf(QUOTE, start + 1)
  while (end >= 0 && isEscaped(text, start, end)) end = text.indexOf(QUOTE, end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: Uint8Array, start: number, quote: number): boolean {
  let at = quote - 1
  while (at > start && text[at] === BACKSLASH) at -= 1
  return (quote - at) % 2 === 0
}
