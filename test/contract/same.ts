/** Compares what stores answer with what they should. */

import { deepStrictEqual } from 'node:assert/strict'

/**
 * Deep equality of plain values. Both are copied first: a runner that gives each file a global scope of its own
 * (jest) and a store with a native part (LMDB) may not agree on which Array is the Array.
 */
export function same(actual: unknown, expected: unknown): void {
  deepStrictEqual(structuredClone(actual), structuredClone(expected))
}
