/** What these tests need to control of a relay: its clock, its sweep and its audit log. */

import type { AuditRecord } from '../../../plugin/audit.ts'
import type { ControlledTarget, StartTarget } from '../behaviour/scene.ts'

export interface LivingTarget extends ControlledTarget {
  sweep(): Promise<number>
  readonly audited: readonly AuditRecord[]
}

export type StartLiving = StartTarget<LivingTarget>
