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
} from './query.ts'
import type { Claim } from './store.ts'

/** Never rejects: a store that fails, or kept something that is no event, is a refusal. */
export async function answerQuery(context: GatewayContext, query: Query): Promise<QueryAnswer> {
  try {
    return await answer(context, query)
  } catch (error) {
    context.log.error({ err: error }, 'a key package query failed')
    return { outcome: 'refused', refusal: new Refusal('error', UNAVAILABLE) }
  }
}

async function answer(context: GatewayContext, query: Query): Promise<QueryAnswer> {
  const claims = await claimAll(context, query.claims)
  // Each owner counts as an author who was answered, as far as is known by now.
  const outcomes: readonly QueryOutcome[] = [...[...query.own].map(() => NONE), ...claims]
  const refusal = refusalOf(outcomes, context.options)
  if (refusal !== undefined && outcomes.every(isUnanswered)) return { outcome: 'refused', refusal }

  const claimed = outcomes.flatMap((outcome) => (outcome.outcome === 'delivered' ? outcome.packages : []))
  const { encoding } = context.options.delivery
  const events = claimed.map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? encoding))
  const missing = query.claims.filter((_, index) => claims[index]?.outcome === 'none')
  const notices = [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...(await noticesOfElsewhere(context, missing)),
  ]
  return { outcome: 'answered', events, claimed, notices, isEmpty: claims.every(isUnanswered) }
}

const NONE = { outcome: 'none' } as const

/** Gives back what was claimed for an answer of which nothing was sent. */
export async function releaseAnswer(
  { store, released, log, audit, now }: GatewayContext,
  { claims: [claim] }: Query,
  answer: QueryAnswer,
): Promise<void> {
  if (answer.outcome === 'refused' || claim === undefined) return
  const idsByAuthor = new Map<Pubkey, string[]>()
  for (const { author, id } of answer.claimed) {
    idsByAuthor.set(author, [...(idsByAuthor.get(author) ?? []), id])
  }
  try {
    await Promise.all([...idsByAuthor].map(([author, ids]) => store.release(author, ids, now())))
    released.note(claim.requester, answer.claimed, now())
    audit(() => answer.claimed.map((pkg) => releaseEntry(pkg, claim.requester)))
  } catch (error) {
    log.error({ err: error }, 'the store did not take an undelivered claim back; its packages stay spent')
  }
}

async function claimAll(context: GatewayContext, claims: readonly Claim[]): Promise<QueryOutcome[]> {
  const { audit, options, now } = context
  const outcomes = await takeAll(context, claims)
  audit(() =>
    claims.flatMap((claim, index) => {
      const outcome = outcomes[index]
      return outcome === undefined ? [] : claimEntries(claim, outcome, options, now())
    }),
  )
  return outcomes
}

async function takeAll(
  { store, options, policy, log, now }: GatewayContext,
  claims: readonly Claim[],
): Promise<QueryOutcome[]> {
  const [first] = claims
  if (first === undefined) return []
  try {
    const { granted, retryAfterSeconds } = await store.hit(
      `requester ${first.requester}`,
      claims.length,
      options.quota.perRequester,
      now(),
    )
    const outcomes = granted === 0 ? [] : await store.claim(claims.slice(0, granted), policy, now())
    const limited = { outcome: 'limited', by: 'perRequester', retryAfterSeconds } as const
    return [...outcomes, ...claims.slice(granted).map(() => limited)]
  } catch (error) {
    log.error({ err: error }, 'the store did not answer a claim')
    return claims.map(() => ({ outcome: 'unavailable' }))
  }
}
