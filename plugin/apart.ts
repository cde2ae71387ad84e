/** Texts that are kept for long. */

/**
 * A copy of an id that came from a store, for what remembers it for hours. As long as a part of a text is in use, V8 keeps the whole
 * text, and a store may have read the id as a part of all that it keeps of an author (I9).
 */
export function apart(id: string): string {
  return Buffer.from(id, 'latin1').toString('latin1')
}
