/** How long to wait before trying again: twice as long each time, and never as long as somebody else. */

const FIRST_MS = 1000
const LONGEST_MS = 60_000

/**
 * Milliseconds before another try, of which 0 is the first: the second half of 1, 2, 4 ... 60 seconds, at random, so
 * that those whom one failure stopped do not come back together.
 * @param random at least 0, less than 1
 */
export function backoff(tries: number, random: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** tries)
  return Math.round((whole * (1 + random)) / 2)
}
