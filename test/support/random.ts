/** Randomness that is the same in every run. */

/** Whole numbers below `limit`, the same ones for the same seed. */
export function seededRandom(seed: number): (limit: number) => number {
  const bits = seededBits(seed)
  return (limit) => bits() % limit
}

/** Numbers from 0 to 1, the same for the same seed. */
export function seededFractions(seed: number): () => number {
  const bits = seededBits(seed)
  return () => bits() / 2 ** 32
}

/** Whole numbers of 32 bits (mulberry32). */
function seededBits(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
