/** What every relay with the gateway must do, seen from a WebSocket; each part is a file of behaviour/. */

import { describeAsking } from './behaviour/asking.ts'
import { describeAuthenticating } from './behaviour/authenticating.ts'
import { describeClaiming } from './behaviour/claiming.ts'
import { describeDelivering } from './behaviour/delivering.ts'
import { describeEnduring } from './behaviour/enduring.ts'
import { describeLooking } from './behaviour/looking.ts'
import { describeOverTime } from './behaviour/over-time.ts'
import { describePublishing } from './behaviour/publishing.ts'
import { type Differences, describeRows } from './behaviour/rows.ts'
import type { ControlledTarget, StartTarget } from './behaviour/scene.ts'
import { describeStocking } from './behaviour/stocking.ts'

export type { ControlledTarget, StartTarget } from './behaviour/scene.ts'

const parts = [
  describePublishing,
  describeStocking,
  describeAsking,
  describeLooking,
  describeClaiming,
  describeDelivering,
  describeAuthenticating,
  describeEnduring,
]

/**
 * `startTarget` starts a relay of its own for each test, new and empty, with these options of the gateway. Rows that this
 * relay answers otherwise are named in `differences`.
 */
export function describeKeyPackageRelay(
  name: string,
  startTarget: StartTarget,
  differences: Differences = {},
): void {
  describeRows(name, differences, (it) => {
    for (const describePart of parts) describePart(startTarget, it)
  })
}

/** The rest, for a relay in this process: its clock and its store are in the tests' hands. */
export function describeControlledRelay(
  name: string,
  startTarget: StartTarget<ControlledTarget>,
  differences: Differences = {},
): void {
  describeRows(name, differences, (it) => describeOverTime(startTarget, it))
}
