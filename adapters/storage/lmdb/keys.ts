/** Turns texts from outside into parts of LMDB keys. */

import { createHash } from 'node:crypto'

/** A key has at most 1978 bytes, and its NUL-separated parts must not contain NUL (lmdb-js README, Keys). */
const LONGEST = 128

/** Sorts after every event id and KeyPackageRef. */
export const LAST = '\uffff'

/** The text itself, or its hash if LMDB does not accept it in a key. */
export function keyPart(text: string): string {
  if (text.length <= LONGEST && !text.includes('\0')) return text
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** The hour that contains a time, so that `due` entries close together share a key. */
export function hourOf(seconds: number): number {
  return Math.floor(seconds / 3600)
}
