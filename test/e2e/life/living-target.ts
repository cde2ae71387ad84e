/** What the tests of a key package's life need of a relay: its time, its sweep and its audit log in their hands. */

import type { AuditRecord } from '../../../plugin/audit.ts'
import type { ControlledTarget, StartTarget } from '../behaviour/scene.ts'

export interface LivingTarget extends ControlledTarget {
  sweep(): Promise<number>
  readonly audited: readonly AuditRecord[]
}

export type StartLiving = StartTarget<LivingTarget>
