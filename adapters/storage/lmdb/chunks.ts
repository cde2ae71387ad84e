/** Iterates over a large range of an LMDB table without blocking the event loop. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Key, RangeOptions } from 'lmdb'

/** All keys of a range in chunks. No snapshot of the database stays open between chunks. */
export async function* chunks<SomeKey extends Key>(
  range: (options: RangeOptions) => Iterable<SomeKey>,
  limit: number,
): AsyncGenerator<SomeKey[]> {
  let options: RangeOptions = { limit }
  for (;;) {
    const keys = [...range(options)]
    const last = keys.at(-1)
    if (last === undefined) return
    yield keys
    options = { limit, start: last, exclusiveStart: true }
    await nextTurn()
  }
}
