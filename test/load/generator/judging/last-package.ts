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
  const stored = published.filter(
    ({ kind, outcome, isTwin }) => outcome === 'stored' && (kind === SLOT || isTwin !== true),
  )
  const deletions = groupedBy(deleted, ({ author }) => author)
  const spans = new Map<string, Span[]>()
  for (const [key, events] of groupedBy(stored, ({ author, kind }) => `${kind} ${author}`))
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

/** After any deletion of theirs nothing is certain, until the next package is stored. */
function spansOf(stored: readonly Published[], deletions: readonly Deleted[]): Span[] {
  return stored.map(({ answeredAt, expiresAt }) => {
    const next = deletions.filter((deletion) => deletion.answeredAt > answeredAt)
    return { from: answeredAt, until: Math.min(expiresAt, ...next.map(({ sentAt }) => sentAt)) }
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
