/** Answers what a REQ asks of other people's key packages: claims them, and gives back what could not be sent. */

import { claimEntries, releaseEntry } from './audit.ts'
import type { GatewayContext } from './context.ts'
import { deliveredEvent } from './key-package/encoding.ts'
import type { Pubkey } from './nostr/messages.ts'
import { Refusal } from './nostr/refusal.ts'
import { noticesOfElsewhere } from './notices.ts'
import {
  isUnanswered,
  type Query,
  type QueryAnswer,
  type QueryOutcome,
  refusalOf,
  UNAVAILABLE,
  type UseAnswer,
} from './query.ts'
import type { Claim, StoredKeyPackage } from './store.ts'

/**
 * Asks the store, and hands what came of it to `use`, with a way to give the claimed packages back when nothing of the
 * answer was sent. Where the answer cannot be made, or `use` throws, nobody has the packages: they go back, and `use` is
 * called again with a refusal.
 */
export async function answerQuery<Result>(
  context: GatewayContext,
  query: Query,
  use: UseAnswer<Result>,
  onReleased: () => void,
): Promise<Result> {
  let claimed: readonly StoredKeyPackage[] = []
  const release = async () => {
    await releaseClaimed(context, query, claimed)
    onReleased()
  }
  try {
    const claims = await takeAll(context, query.claims)
    claimed = claimedIn(claims)
    return await use(await compose(context, query, claims), release)
  } catch (error) {
    context.log.error({ err: error }, 'a key package query failed; what was claimed for it goes back')
    await release()
    return use({ outcome: 'refused', refusal: new Refusal('error', UNAVAILABLE) }, async () => {})
  }
}

function claimedIn(outcomes: readonly QueryOutcome[]): StoredKeyPackage[] {
  return outcomes.flatMap((outcome) => (outcome.outcome === 'delivered' ? outcome.packages : []))
}

async function compose(
  context: GatewayContext,
  query: Query,
  claims: readonly QueryOutcome[],
): Promise<QueryAnswer> {
  record(context, query.claims, claims)
  // Each owner counts as an author who was answered, as far as is known by now.
  const outcomes: readonly QueryOutcome[] = [...[...query.own].map(() => NONE), ...claims]
  const refusal = refusalOf(outcomes, context.options)
  if (refusal !== undefined && outcomes.every(isUnanswered)) return { outcome: 'refused', refusal }

  const { encoding } = context.options.delivery
  const events = claimedIn(claims).map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? encoding))
  const missing = query.claims.filter((_, index) => claims[index]?.outcome === 'none')
  const notices = [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...(await noticesOfElsewhere(context, missing)),
  ]
  return { outcome: 'answered', events, notices, isEmpty: claims.every(isUnanswered) }
}

const NONE = { outcome: 'none' } as const

async function releaseClaimed(
  { store, released, log, audit, now }: GatewayContext,
  { claims: [claim] }: Query,
  claimed: readonly StoredKeyPackage[],
): Promise<void> {
  if (claim === undefined || claimed.length === 0) return
  const idsByAuthor = new Map<Pubkey, string[]>()
  for (const { author, id } of claimed) {
    idsByAuthor.set(author, [...(idsByAuthor.get(author) ?? []), id])
  }
  try {
    await Promise.all([...idsByAuthor].map(([author, ids]) => store.release(author, ids, now())))
    released.note(claim.requester, claimed, now())
    audit(() => claimed.map((pkg) => releaseEntry(pkg, claim.requester)))
  } catch (error) {
    log.error({ err: error }, 'the store did not take an undelivered claim back; its packages stay spent')
  }
}

function record(
  { audit, options, now }: GatewayContext,
  claims: readonly Claim[],
  outcomes: readonly QueryOutcome[],
): void {
  audit(() =>
    claims.flatMap((claim, index) => {
      const outcome = outcomes[index]
      return outcome === undefined ? [] : claimEntries(claim, outcome, options, now())
    }),
  )
}

async function takeAll(context: GatewayContext, claims: readonly Claim[]): Promise<QueryOutcome[]> {
  const { store, options, policy, log, now } = context
  const [first] = claims
  if (first === undefined) return []
  const reservation = { key: `requester ${first.requester}`, at: now() }
  let reserved = 0
  try {
    const { granted, retryAfterSeconds } = await store.hit(
      reservation.key,
      claims.length,
      options.quota.perRequester,
      reservation.at,
    )
    reserved = granted
    const outcomes = granted === 0 ? [] : await store.claim(claims.slice(0, granted), policy, now())
    void refund(context, reservation, outcomes.filter(isUnanswered).length)
    const limited = { outcome: 'limited', by: 'perRequester', retryAfterSeconds } as const
    return [...outcomes, ...claims.slice(granted).map(() => limited)]
  } catch (error) {
    log.error({ err: error }, 'the store did not answer a claim')
    void refund(context, reservation, reserved)
    return claims.map(() => ({ outcome: 'unavailable' }))
  }
}

/** Gives back what was reserved of the quota over all authors for claims that were not served. No answer waits for it (I7). */
async function refund(
  { store, options, log }: GatewayContext,
  { key, at }: { readonly key: string; readonly at: number },
  cost: number,
): Promise<void> {
  if (cost === 0) return
  try {
    await store.refund(key, cost, options.quota.perRequester, at)
  } catch (error) {
    log.error({ err: error }, 'the store did not take a refund: claims that were not served stay counted')
  }
}
