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
  type UseAnswer,
} from './query.ts'
import type { Claim, StoredKeyPackage } from './store.ts'

/** What a store has answered to a query. */
interface Found {
  readonly own: Awaited<ReturnType<typeof listOwn>>
  readonly claims: readonly QueryOutcome[]
}

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
    const found = await ask(context, query)
    claimed = claimedIn(found)
    return await use(await compose(context, query, found), release)
  } catch (error) {
    context.log.error({ err: error }, 'a key package query failed; what was claimed for it goes back')
    await release()
    return use({ outcome: 'refused', refusal: new Refusal('error', UNAVAILABLE) }, async () => {})
  }
}

async function ask(context: GatewayContext, query: Query): Promise<Found> {
  const own = await listOwn(context, query)
  return { own, claims: await takeAll(context, query.claims) }
}

function claimedIn({ claims }: Found): StoredKeyPackage[] {
  return claims.flatMap((outcome) => (outcome.outcome === 'delivered' ? outcome.packages : []))
}

async function compose(context: GatewayContext, query: Query, found: Found): Promise<QueryAnswer> {
  const { own, claims } = found
  record(context, query.claims, claims)
  const outcomes = [...own.outcomes, ...claims]
  const refusal = refusalOf(outcomes, context.options)
  if (refusal !== undefined && outcomes.every(isUnanswered)) return { outcome: 'refused', refusal }

  const { encoding } = context.options.delivery
  const events = [
    ...own.packages.map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? 'as-published')),
    ...claimedIn(found).map((pkg) => deliveredEvent(pkg, query.hints.get(pkg.author) ?? encoding)),
  ]
  const missing = query.claims.filter((_, index) => claims[index]?.outcome === 'none')
  const notices = [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...noticesOfExposure(own.packages),
    ...(await noticesOfElsewhere(context, missing)),
  ]
  return { outcome: 'answered', events, notices }
}

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
