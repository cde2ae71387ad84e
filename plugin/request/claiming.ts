/** Claims the key packages of other authors that a REQ asks for. */

import type { Access } from '../access/access.ts'
import type { GatewayContext } from '../context.ts'
import { deliveredEvent } from '../key-package/encoding.ts'
import type { Pubkey } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import type { Claim, ClaimOutcome, StoredKeyPackage } from '../store.ts'
import { noticesOfElsewhere } from './notices.ts'
import { authorClaim, isUnanswered, type Query, type QueryAnswer, refusalOf } from './plan.ts'
import {
  type ClaimGroup,
  groupByWindows,
  type ReservedClaims,
  refundClaims,
  reserveClaims,
} from './shared-quotas.ts'
import { claimAsKnown } from './standing.ts'
import { releaseAll, UndoableClaim } from './undoable-claims.ts'

/** What the answer has taken from the store. `release` releases all of it; it never rejects. */
export interface TakenPackages {
  readonly claims: readonly UndoableClaim[]
  readonly release: () => Promise<void>
}

/** Turns an answer into what is sent. */
type UseAnswer<Result> = (answer: QueryAnswer, taken: TakenPackages) => Promise<Result>

/**
 * Claims from the store and passes the answer to `use`, with what it has taken, to release if nothing of the answer was
 * sent. If the answer cannot be made, or `use` throws, nobody received the packages: they are released, and `use` is called
 * again with a refusal.
 */
export async function answerQuery<Result>(
  context: GatewayContext,
  query: Query,
  use: UseAnswer<Result>,
  onReleased: () => void,
): Promise<Result> {
  let claims: readonly UndoableClaim[] = []
  const release = async () => {
    await releaseAll(context, claims)
    onReleased()
  }
  try {
    const began = context.recorder.time()
    const answered = await takeAll(context, query)
    claims = answered.flatMap(({ undoable }) => undoable ?? [])
    const outcomes = answered.map(({ outcome }) => outcome)
    const answer = await compose(context, query, outcomes)
    if (query.claims.length > 0) context.recorder.claimsAnswered(began)
    return await use(answer, { claims, release })
  } catch (error) {
    context.log.error({ err: error }, 'a key package query failed; its claims are released')
    await release()
    const refusal = new Refusal('error', UNAVAILABLE)
    const unavailable = query.claims.map(({ author }) => authorClaim(author, { outcome: 'unavailable' }))
    return use({ outcome: 'refused', refusal, claims: unavailable }, { claims: [], release: async () => {} })
  }
}

function claimedIn(outcomes: readonly ClaimOutcome[]): StoredKeyPackage[] {
  return outcomes.flatMap((outcome) => (outcome.outcome === 'delivered' ? outcome.packages : []))
}

async function compose(
  context: GatewayContext,
  query: Query,
  claimed: readonly ClaimOutcome[],
): Promise<QueryAnswer> {
  context.recorder.claimed(query.claims, claimed)
  // Owners count as answered authors here: their lists are read later.
  const outcomes: readonly ClaimOutcome[] = [...[...query.own].map(() => NONE), ...claimed]
  const refusal = refusalOf(outcomes, context.options)
  const claims = query.claims.map(({ author }, index) =>
    authorClaim(author, claimed[index] ?? { outcome: 'unavailable' }),
  )
  if (refusal !== undefined && outcomes.every(isUnanswered)) return { outcome: 'refused', refusal, claims }

  const { encoding } = context.options.delivery
  const events = claimedIn(claimed).map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? encoding))
  const missing = query.claims.filter((_, index) => claims[index]?.outcome === 'none')
  const notices = [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...(await noticesOfElsewhere(context, missing, query.host)),
  ]
  return { outcome: 'answered', events, notices, claims }
}

const NONE = { outcome: 'none' } as const

/** What became of a claim. `undoable` if the store was asked. */
interface Answered {
  readonly author: Pubkey
  readonly outcome: ClaimOutcome
  readonly undoable?: UndoableClaim
}

async function takeAll(
  context: GatewayContext,
  { claims, authenticated }: Pick<Query, 'claims' | 'authenticated'>,
): Promise<Answered[]> {
  const groups = await Promise.all(
    groupByWindows(claims, context.options).map((group) => takeGroup(context, group, authenticated)),
  )
  const byAuthor = new Map(groups.flat().map((answered) => [answered.author, answered]))
  return claims.flatMap(({ author }) => byAuthor.get(author) ?? [])
}

async function takeGroup(
  context: GatewayContext,
  { windows, claims }: ClaimGroup,
  authenticated: ReadonlySet<Pubkey>,
): Promise<Answered[]> {
  const { access, log, now } = context
  const reservedAt = now()
  let reserved = 0
  try {
    const reservation = await reserveClaims(context, windows, claims.length, reservedAt)
    reserved = reservation.granted
    const { asked, refused } = admit(context, claims, reservation)
    const at = now()
    const served = asked.map((claim) => withStandIn(access, claim))
    const outcomes = served.length === 0 ? [] : await claimAsKnown(context, served, authenticated, at)
    const answers = asked.map((claim, index): Answered => {
      const outcome = outcomes[index] ?? { outcome: 'unavailable' }
      const isCounted = claim.limited === undefined && usesQuotas(outcome)
      const counted = { windows: isCounted ? windows : [], at: reservedAt }
      return {
        author: claim.author,
        outcome,
        undoable: new UndoableClaim(context, claim, outcome, counted, at),
      }
    })
    const counted = answers.filter(({ undoable }) => undoable?.isCounted).length
    void refundClaims(context, windows, reserved - counted, reservedAt)
    return [...answers, ...refused]
  } catch (error) {
    log.error({ err: error }, 'the store failed to claim key packages')
    void refundClaims(context, windows, reserved, reservedAt)
    return claims.map(({ author }) => ({ author, outcome: { outcome: 'unavailable' } }))
  }
}

/** A claim of a banned author finds nothing, in the same way as that of an author without packages. */
function withStandIn(access: Access, claim: Claim): Claim {
  const author = access.standIn(claim.author)
  return author === claim.author ? claim : { ...claim, author }
}

/**
 * Which claims the store is asked. Those of which the requester has seen slots come last, because the store may answer them
 * even if the quota has no room.
 */
function admit(
  { seen }: GatewayContext,
  claims: readonly Claim[],
  { granted, limited }: ReservedClaims,
): { asked: Claim[]; refused: Answered[] } {
  const unseen: Claim[] = []
  const repeated: Claim[] = []
  for (const claim of claims) {
    const before = seen.of(claim.requester, claim.author)
    if (before.length === 0) unseen.push(claim)
    else repeated.push({ ...claim, seen: before })
  }
  if (limited === undefined) return { asked: [...unseen, ...repeated], refused: [] }
  const room = Math.max(0, granted - unseen.length)
  const limitedToSeen = repeated.slice(room).map((claim) => ({ ...claim, limited }))
  return {
    asked: [...unseen.slice(0, granted), ...repeated.slice(0, room), ...limitedToSeen],
    refused: unseen.slice(granted).map(({ author }) => ({ author, outcome: limited })),
  }
}

/** Whether a claim uses up quotas: it was answered, and not only with what the requester has seen. */
function usesQuotas(outcome: ClaimOutcome): boolean {
  if (outcome.outcome === 'delivered') return outcome.counted
  return !isUnanswered(outcome)
}
