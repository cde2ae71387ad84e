/** What every relay with the gateway must do, tested over WebSockets; each part is a file in behaviour/. */

import { describeAuthentication } from './behaviour/authentication.ts'
import { describeChecks } from './behaviour/checks.ts'
import { describeClaims } from './behaviour/claims.ts'
import { describeEncodings } from './behaviour/encodings.ts'
import { describeInvalidMessages } from './behaviour/invalid-messages.ts'
import { describeOverTime } from './behaviour/over-time.ts'
import { describeQueries } from './behaviour/queries.ts'
import { describeRotations } from './behaviour/rotations.ts'
import { type Differences, describeRows } from './behaviour/rows.ts'
import type { ControlledTarget, StartTarget } from './behaviour/scene.ts'
import { describeStock } from './behaviour/stock.ts'
import { describeVisibility } from './behaviour/visibility.ts'

export type { ControlledTarget, StartTarget } from './behaviour/scene.ts'

const parts = [
  describeChecks,
  describeStock,
  describeQueries,
  describeVisibility,
  describeClaims,
  describeRotations,
  describeEncodings,
  describeAuthentication,
  describeInvalidMessages,
]

/**
 * `startTarget` starts a new, empty relay for each test, with these options of the gateway. `differences` names the rows
 * that this relay answers differently.
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

/** The rest, for a relay in this process, whose clock and store the tests control. */
export function describeControlledRelay(
  name: string,
  startTarget: StartTarget<ControlledTarget>,
  differences: Differences = {},
): void {
  describeRows(name, differences, (it) => describeOverTime(startTarget, it))
}
