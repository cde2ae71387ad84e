/** Claims the key packages of other authors that a REQ asks for, and releases claims whose answer could not be sent. */

import { claimEntries, releaseEntry } from '../audit.ts'
import type { GatewayContext } from '../context.ts'
import { deliveredEvent } from '../key-package/encoding.ts'
import type { Pubkey } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import type { Claim, ClaimOutcome, StoredKeyPackage } from '../store.ts'
import { noticesOfElsewhere } from './notices.ts'
import { isUnanswered, type Query, type QueryAnswer, refusalOf, type UseAnswer } from './plan.ts'

/**
 * Claims from the store and passes the answer to `use`, with a function that releases the claims if nothing of the answer
 * was sent. If the answer cannot be made, or `use` throws, nobody received the packages: they are released, and `use` is
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
    context.log.error({ err: error }, 'a key package query failed; its claims are released')
    await release()
    return use({ outcome: 'refused', refusal: new Refusal('error', UNAVAILABLE) }, async () => {})
  }
}

function claimedIn(outcomes: readonly ClaimOutcome[]): StoredKeyPackage[] {
  return outcomes.flatMap((outcome) => (outcome.outcome === 'delivered' ? outcome.packages : []))
}

async function compose(
  context: GatewayContext,
  query: Query,
  claims: readonly ClaimOutcome[],
): Promise<QueryAnswer> {
  record(context, query.claims, claims)
  // Owners count as answered authors here: their lists are read later.
  const outcomes: readonly ClaimOutcome[] = [...[...query.own].map(() => NONE), ...claims]
  const refusal = refusalOf(outcomes, context.options)
  if (refusal !== undefined && outcomes.every(isUnanswered)) return { outcome: 'refused', refusal }

  const { encoding } = context.options.delivery
  const events = claimedIn(claims).map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? encoding))
  const missing = query.claims.filter((_, index) => claims[index]?.outcome === 'none')
  const notices = [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...(await noticesOfElsewhere(context, missing, query.host)),
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
    log.error({ err: error }, 'the store failed to release an undelivered claim; its packages stay spent')
  }
}

function record(
  { audit, options, now }: GatewayContext,
  claims: readonly Claim[],
  outcomes: readonly ClaimOutcome[],
): void {
  audit(() =>
    claims.flatMap((claim, index) => {
      const outcome = outcomes[index]
      return outcome === undefined ? [] : claimEntries(claim, outcome, options, now())
    }),
  )
}

async function takeAll(context: GatewayContext, claims: readonly Claim[]): Promise<ClaimOutcome[]> {
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
    log.error({ err: error }, 'the store failed to claim key packages')
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
    log.error({ err: error }, 'the store failed to refund a quota; claims that were not served stay counted')
  }
}
