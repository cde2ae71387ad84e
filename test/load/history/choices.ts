/** Seeded choices: the same ones for the same seed. */

import { createHash } from 'node:crypto'
import { seededRandom } from '../../support/random.ts'

/** Whole numbers below `limit`. */
export type Random = (limit: number) => number

/** A source of its own for each name, so that what one actor does changes nothing for another. */
export function randomFor(...names: readonly (string | number)[]): Random {
  return seededRandom(createHash('sha256').update(names.join(' ')).digest().readUInt32LE())
}

export function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  if (items.length === 0) throw new Error('there is nothing to choose from')
  return items[random(items.length)] as Item
}

/** That many different ones, or all. */
export function someOf<Item>(random: Random, items: readonly Item[], count: number): Item[] {
  const left = [...items]
  return Array.from({ length: Math.min(count, items.length) }, () =>
    left.splice(random(left.length), 1),
  ).flat()
}
