/** Clients that applications use, as they are and knowing nothing of the gateway, against whatever relay has it. */

import { describe } from '@jest/globals'
import { type Differences, RowsBut } from './behaviour/rows.ts'
import type { StartTarget } from './behaviour/scene.ts'
import { describeNdk } from './clients/ndk.ts'
import { describeNostrTools } from './clients/nostr-tools.ts'
import { describeSimplePool } from './clients/simple-pool.ts'

/** `startTarget` starts a relay for each test that goes by the machine's clock, as these clients do. */
export function describeClients(name: string, startTarget: StartTarget, differences: Differences = {}): void {
  const rows = new RowsBut(differences)
  describe(`clients of ${name}`, () => {
    describeNostrTools(startTarget, rows.it)
    describeSimplePool(startTarget, rows.it)
    describeNdk(startTarget, rows.it)
    rows.conclude()
  })
}
