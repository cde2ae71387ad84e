/** Widely used client libraries, unchanged, against any relay with the gateway. */

import { type Differences, describeRows } from '../e2e/behaviour/rows.ts'
import type { StartTarget } from '../e2e/behaviour/scene.ts'
import { describeEveryLibrary } from './libraries/every-library.ts'
import { describeNdk } from './libraries/ndk.ts'
import { describeNostrTools } from './libraries/nostr-tools.ts'
import { describeSimplePool } from './libraries/simple-pool.ts'

/** `startTarget` starts a relay for each test. It must use the machine's clock, as these clients do. */
export function describeLibraries(
  name: string,
  startTarget: StartTarget,
  differences: Differences = {},
): void {
  describeRows(`clients of ${name}`, differences, (it) => {
    describeEveryLibrary(startTarget, it)
    describeNostrTools(startTarget, it)
    describeSimplePool(startTarget, it)
    describeNdk(startTarget, it)
  })
}
