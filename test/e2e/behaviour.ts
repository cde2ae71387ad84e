/** What every relay with the gateway must do, seen from a WebSocket: DESIGN.md sections 3 to 7, row by row. */

import { describe } from '@jest/globals'
import { describeAsking } from './behaviour/asking.ts'
import { describeAuthenticating } from './behaviour/authenticating.ts'
import { describeClaiming } from './behaviour/claiming.ts'
import { describeDelivering } from './behaviour/delivering.ts'
import { describeEnduring } from './behaviour/enduring.ts'
import { describeLooking } from './behaviour/looking.ts'
import { describeOverTime } from './behaviour/over-time.ts'
import { describePublishing } from './behaviour/publishing.ts'
import { type Differences, RowsBut } from './behaviour/rows.ts'
import type { ControlledTarget, StartTarget } from './behaviour/scene.ts'
import { describeStocking } from './behaviour/stocking.ts'

export type { ControlledTarget, StartTarget } from './behaviour/scene.ts'

/**
 * `startTarget` starts a relay of its own for each test, new and empty, with these options of the gateway. Rows that this
 * relay answers otherwise are named in `differences`.
 */
export function describeKeyPackageRelay(
  name: string,
  startTarget: StartTarget,
  differences: Differences = {},
): void {
  const rows = new RowsBut(differences)
  describe(name, () => {
    describePublishing(startTarget, rows.it)
    describeStocking(startTarget, rows.it)
    describeAsking(startTarget, rows.it)
    describeLooking(startTarget, rows.it)
    describeClaiming(startTarget, rows.it)
    describeDelivering(startTarget, rows.it)
    describeAuthenticating(startTarget, rows.it)
    describeEnduring(startTarget, rows.it)
    rows.conclude()
  })
}

/** The rest, for a relay in this process: its clock and its store are in the tests' hands. */
export function describeControlledRelay(
  name: string,
  startTarget: StartTarget<ControlledTarget>,
  differences: Differences = {},
): void {
  const rows = new RowsBut(differences)
  describe(name, () => {
    describeOverTime(startTarget, rows.it)
    rows.conclude()
  })
}
