/** How much of the heap is in use, for tests of what is kept. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** In bytes, after garbage collection. */
export function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
