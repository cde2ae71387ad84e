/** I3: what was spent or deleted never comes back: it is not delivered, and not taken in again. */

import {
  type Claimed,
  type Deleted,
  type Delivered,
  groupedBy,
  isSurelyBefore,
  type Observations,
  ONE_TIME,
  type Published,
  SLOT,
  type Violation,
} from './observations.ts'

export interface NeverBackFindings {
  readonly violations: readonly Violation[]
  /** Packages that were surely gone at some time. */
  readonly gone: number
  /** How often one that was there before was published again. */
  readonly again: number
}

export function judgeNeverBack(seen: Observations): NeverBackFindings {
  const isDone = ({ outcome }: Deleted) => outcome === 'accepted'
  const deletions = new Map<string, Deleted[]>()
  for (const deletion of seen.deleted.filter(isDone)) {
    for (const id of [...deletion.ids, ...deletion.slots.map((slot) => `${deletion.author} ${slot}`)])
      deletions.set(id, [...(deletions.get(id) ?? []), deletion])
  }
  const stored = seen.published.filter(({ outcome }) => outcome === 'stored')
  const byId = new Map(stored.map((event) => [event.id, event]))
  const slots = groupedBy(
    stored.filter(({ kind }) => kind === SLOT),
    ({ author, slot }) => `${author} ${slot}`,
  )
  const deletionOf = (event: Published, claim: Claimed) => {
    const ofSlot = deletions.get(`${event.author} ${event.slot}`) ?? []
    const covering = ofSlot.filter(({ createdAt }) => event.createdAt <= createdAt)
    return [...(deletions.get(event.id) ?? []), ...covering].find((each) => isSurelyBefore(each, claim))
  }

  const whyGone = ({ id }: Delivered, claim: Claimed): string | undefined => {
    const event = byId.get(id)
    if (event === undefined) return undefined
    if (deletionOf(event, claim) !== undefined) return 'was deleted'
    if (event.slot === undefined) return undefined
    const newer = (slots.get(`${event.author} ${event.slot}`) ?? []).find(
      (other) => other.createdAt > event.createdAt && isSurelyBefore(other, claim),
    )
    return newer === undefined ? undefined : `was replaced by ${newer.id}`
  }
  const delivered = seen.claimed.flatMap((claim) =>
    claim.delivered.flatMap((pkg): Violation[] => {
      const why = whyGone(pkg, claim)
      if (why === undefined) return []
      const what = `${claim.requester} got package ${pkg.id} of ${pkg.author}, which ${why}`
      return [{ invariant: 'I3', what, at: claim.answeredAt }]
    }),
  )
  const { violations, again } = takenInAgain(seen.published, deletions)
  const replaced = [...slots.values()].reduce((sum, { length }) => sum + length - 1, 0)
  return { violations: [...delivered, ...violations], gone: deletions.size + replaced, again }
}

/**
 * One that was stored is known until it expires, and one that was deleted is refused, seen here before or not. One that expires on the
 * way, after its time was checked, may be taken in: nobody ever gets it.
 */
function takenInAgain(
  published: readonly Published[],
  deletions: ReadonlyMap<string, readonly Deleted[]>,
): { violations: Violation[]; again: number } {
  const violations: Violation[] = []
  let again = 0
  const oneTime = published.filter(({ kind, isTwin }) => kind === ONE_TIME && isTwin !== true)
  for (const attempts of groupedBy(oneTime, ({ id }) => id).values()) {
    const before = attempts.find(({ outcome }) => outcome === 'stored')
    for (const attempt of attempts) {
      const isKnown = before !== undefined && isSurelyBefore(before, attempt)
      const isDeleted = deletions.get(attempt.id)?.some((each) => isSurelyBefore(each, attempt)) ?? false
      if (isKnown || isDeleted) again += 1
      const mayHaveExpired = attempt.answeredAt >= attempt.expiresAt
      if (attempt.outcome !== 'stored' || mayHaveExpired || !(isKnown || isDeleted)) continue
      const what = `package ${attempt.id} of ${attempt.author} was taken in again, though it was ${isDeleted ? 'deleted' : 'stored'} before`
      violations.push({ invariant: 'I3', what, at: attempt.answeredAt })
    }
  }
  return { violations, again }
}
