/** I4: only a claim shows a package to anyone but its owner, and only of the authors and kinds that it names. */

import { groupedBy, type Observations, ONE_TIME, SLOT, type Violation } from './observations.ts'
import type { Policy } from './policy.ts'

export interface OnlyClaimsFindings {
  readonly violations: readonly Violation[]
  /** Rotated slots that were pushed to open claims of their authors. */
  readonly pushes: number
}

export function judgeOnlyClaims(seen: Observations, policy: Policy): OnlyClaimsFindings {
  const aliases = new Set(seen.published.filter(({ isTwin }) => isTwin).map(({ id }) => id))
  const isLegalPush = ({ kind, isPush }: (typeof seen.sighted)[number]) => isPush && kind === SLOT
  const shown = seen.sighted
    .filter((sighted) => !isLegalPush(sighted))
    .map(({ id, author, way, at }): Violation => {
      return { invariant: 'I4', what: `package ${id} of ${author} was shown by ${way}`, at }
    })
  const claimed = seen.claimed.flatMap((claim) => {
    const { requester, authors, kinds, delivered, answeredAt: at } = claim
    const unasked = delivered
      .filter(({ author, kind }) => !authors.includes(author) || !kinds.includes(kind))
      .map(({ id, author }) => `${requester} got package ${id} of ${author}, which they did not claim`)
    const oneTime = delivered.filter(({ kind, id }) => kind === ONE_TIME && !aliases.has(id))
    const tooMany = [...groupedBy(oneTime, ({ author }) => author)]
      .filter(([author, packages]) => packages.length > policy.oneTimePerClaim && author !== claim.person)
      .map(([author, { length }]) => `${requester} got ${length} packages of ${author} with one claim`)
    return [...unasked, ...tooMany].map((what): Violation => ({ invariant: 'I4', what, at }))
  })
  return { violations: [...shown, ...claimed], pushes: seen.sighted.filter(isLegalPush).length }
}
