/** Answers the key package part of a REQ from the store: an owner's own packages, and claims of others'. */

import { claimEntries, releaseEntry } from './audit.ts'
import type { GatewayContext } from './context.ts'
import { deliveredEvent } from './key-package/encoding.ts'
import type { Pubkey } from './nostr/messages.ts'
import { Refusal } from './nostr/refusal.ts'
import { noticesOfElsewhere, noticesOfExposure } from './notices.ts'
import {
  isUnanswered,
  ownView,
  type Query,
  type QueryAnswer,
  type QueryOutcome,
  refusalOf,
  UNAVAILABLE,
} from './query.ts'
import type { Claim, StoredKeyPackage } from './store.ts'

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
  const own = await listOwn(context, query)
  const claims = await claimAll(context, query.claims)
  const outcomes = [...own.outcomes, ...claims]
  const refusal = refusalOf(outcomes, context.options)
  if (refusal !== undefined && outcomes.every(isUnanswered)) return { outcome: 'refused', refusal }

  const claimed = outcomes.flatMap((outcome) => (outcome.outcome === 'delivered' ? outcome.packages : []))
  const { encoding } = context.options.delivery
  const events = [
    ...own.packages.map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? 'as-published')),
    ...claimed.map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? encoding)),
  ]
  const missing = query.claims.filter((_, index) => claims[index]?.outcome === 'none')
  const notices = [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...noticesOfExposure(own.packages),
    ...(await noticesOfElsewhere(context, missing)),
  ]
  return { outcome: 'answered', events, claimed, notices }
}

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

/** An owner's packages; each owner who can be answered counts as an answered author. */
async function listOwn(
  { store, log, now }: GatewayContext,
  { own }: Query,
): Promise<{ packages: StoredKeyPackage[]; outcomes: QueryOutcome[] }> {
  const owners = [...own]
  try {
    const lists = await Promise.all(
      owners.map(async ([author, filters]) => ownView(await store.list(author, now()), filters)),
    )
    return { packages: lists.flat(), outcomes: owners.map(() => ({ outcome: 'none' })) }
  } catch (error) {
    log.error({ err: error }, 'the store did not list key packages')
    return { packages: [], outcomes: owners.map(() => ({ outcome: 'unavailable' })) }
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
