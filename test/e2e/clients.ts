/** Clients that applications use, as they are and knowing nothing of the gateway, against whatever relay has it. */

import { type Differences, describeRows } from './behaviour/rows.ts'
import type { StartTarget } from './behaviour/scene.ts'
import { describeNdk } from './clients/ndk.ts'
import { describeNostrTools } from './clients/nostr-tools.ts'
import { describeSimplePool } from './clients/simple-pool.ts'

/** `startTarget` starts a relay for each test that goes by the machine's clock, as these clients do. */
export function describeClients(name: string, startTarget: StartTarget, differences: Differences = {}): void {
  describeRows(`clients of ${name}`, differences, (it) => {
    describeNostrTools(startTarget, it)
    describeSimplePool(startTarget, it)
    describeNdk(startTarget, it)
  })
}
