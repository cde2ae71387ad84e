/** Reads URLs from outside. */

/**
 * Undefined if the text is no URL. `URL.canParse` does not say that reliably: of a text with characters beyond ASCII it says anything,
 * once V8 has optimised the code that calls it, and `new URL` then throws where nobody expects it.
 */
export function readUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
