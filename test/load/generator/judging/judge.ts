/** Judges everything that was seen in a run by the invariants I1 to I5 of the README. */

import { judgeLastPackage } from './last-package.ts'
import { judgeNeverBack } from './never-back.ts'
import type { Observations, Violation } from './observations.ts'
import { judgeOneRecipient } from './one-recipient.ts'
import { judgeOnlyClaims } from './only-claims.ts'
import type { Policy } from './policy.ts'
import { judgeQuotas } from './quotas.ts'

export interface Verdict {
  readonly violations: readonly Violation[]
  /** What each invariant was tested on, in words. */
  readonly grounds: Readonly<Record<Violation['invariant'], string>>
}

export function judge(seen: Observations, policy: Policy): Verdict {
  const oneRecipient = judgeOneRecipient(seen, policy)
  const lastPackage = judgeLastPackage(seen)
  const neverBack = judgeNeverBack(seen)
  const onlyClaims = judgeOnlyClaims(seen, policy)
  const quotas = judgeQuotas(seen, policy)
  const each = [oneRecipient, lastPackage, neverBack, onlyClaims, quotas]
  const count = (number: number) => number.toLocaleString('en')
  return {
    violations: each.flatMap(({ violations }) => violations).toSorted((a, b) => a.at - b.at),
    grounds: {
      I1: `${count(oneRecipient.packages)} one-time packages delivered, ${count(oneRecipient.shared)} of them shared`,
      I2: `${count(lastPackage.claims)} claims of authors who surely had a package`,
      I3: `${count(neverBack.gone)} packages gone, ${count(neverBack.again)} published again`,
      I4: `${count(seen.claimed.length)} claims, ${count(onlyClaims.pushes)} rotations pushed, and every message on all connections`,
      I5: `${count(quotas.windows)} quota windows, ${count(quotas.full)} of them full`,
    },
  }
}
