/** Widely used client libraries, unchanged, against any relay with the gateway. */

import { type Differences, describeRows } from './behaviour/rows.ts'
import type { StartTarget } from './behaviour/scene.ts'
import { describeNdk } from './clients/ndk.ts'
import { describeNostrTools } from './clients/nostr-tools.ts'
import { describeSimplePool } from './clients/simple-pool.ts'

/** `startTarget` starts a relay for each test. It must use the machine's clock, as these clients do. */
export function describeClients(name: string, startTarget: StartTarget, differences: Differences = {}): void {
  describeRows(`clients of ${name}`, differences, (it) => {
    describeNostrTools(startTarget, it)
    describeSimplePool(startTarget, it)
    describeNdk(startTarget, it)
  })
}
