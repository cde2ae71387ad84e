/** I2: claims never take an author with a valid package down to none, so a claim of such an author gets one. */

import type { Pubkey } from '../../../../plugin/nostr/messages.ts'
import {
  type Claimed,
  type Deleted,
  groupedBy,
  type Observations,
  ONE_TIME,
  type Published,
  SLOT,
  type Violation,
} from './observations.ts'

export interface LastPackageFindings {
  readonly violations: readonly Violation[]
  /** How often an author who surely had a package was asked for one. */
  readonly claims: number
}

/** From when until when an author surely has a package of a kind. */
interface Span {
  readonly from: number
  readonly until: number
}

export function judgeLastPackage({ published, deleted, claimed }: Observations): LastPackageFindings {
  // A twin of kind 443 goes with its slot.
  const offered = published.filter(({ kind, isTwin }) => kind === SLOT || isTwin !== true)
  const deletions = groupedBy(deleted, ({ author }) => author)
  const spans = new Map<string, Span[]>()
  for (const [key, events] of groupedBy(offered, ({ author, kind }) => `${kind} ${author}`))
    spans.set(key, spansOf(events, deletions.get(events[0]?.author ?? '') ?? []))

  const violations: Violation[] = []
  let claims = 0
  for (const claim of claimed) {
    if (claim.outcome !== 'answered') continue
    const got = new Set(claim.delivered.map(({ author }) => author))
    for (const author of claim.authors) {
      const kind = kindSurelyThere(spans, author, claim)
      if (kind === undefined || author === claim.person) continue
      claims += 1
      if (got.has(author)) continue
      const what = `a claim of ${author} by ${claim.requester} got nothing, though a package of kind ${kind} was there`
      violations.push({ invariant: 'I2', what, at: claim.answeredAt })
    }
  }
  return { violations, claims }
}

/**
 * After any deletion of theirs nothing is certain, until the next package is stored. Nor is it after a one-time package has expired:
 * it may have been the one that stayed, while claims took those that were there besides.
 */
function spansOf(offered: readonly Published[], deletions: readonly Deleted[]): Span[] {
  const mayExpire = offered.filter(
    ({ kind, outcome }) => kind === ONE_TIME && (outcome === 'stored' || outcome === 'unknown'),
  )
  const stored = offered.filter(({ outcome }) => outcome === 'stored')
  return stored.map(({ answeredAt, expiresAt }) => {
    const deleted = deletions.filter((deletion) => deletion.answeredAt > answeredAt)
    const expired = mayExpire.filter((other) => other.expiresAt > answeredAt)
    const ends = [...deleted.map(({ sentAt }) => sentAt), ...expired.map((other) => other.expiresAt)]
    return { from: answeredAt, until: Math.min(expiresAt, ...ends) }
  })
}

function kindSurelyThere(
  spans: ReadonlyMap<string, readonly Span[]>,
  author: Pubkey,
  { kinds, sentAt, answeredAt }: Claimed,
): number | undefined {
  return [SLOT, ONE_TIME].find((kind) => {
    const ofKind = kinds.includes(kind) ? (spans.get(`${kind} ${author}`) ?? []) : []
    return ofKind.some(({ from, until }) => from < sentAt && answeredAt < until)
  })
}
