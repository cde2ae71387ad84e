/** Whether authors know a requester: looked up only for claims to which it makes a difference (DESIGN section 6). */

import type { GatewayContext } from '../context.ts'
import type { Pubkey } from '../nostr/messages.ts'
import type { Claim, ClaimOutcome, Standing } from '../store.ts'

/**
 * Claims; where it matters whether the author knows one of the `authenticated` pubkeys, looks it up once, and claims again. Rejects
 * when the store does, with nothing claimed.
 */
export async function claimAsKnown(
  context: GatewayContext,
  claims: readonly Claim[],
  authenticated: ReadonlySet<Pubkey>,
  at: number,
): Promise<ClaimOutcome[]> {
  const { store, policy, log } = context
  const first = await store.claim(claims, policy, at)
  const open = claims.filter((_, index) => first[index]?.outcome === 'needs-known')
  if (open.length === 0) return first
  try {
    const standings = await standingsOf(context, open, authenticated)
    const again = open.map((claim, index) => ({ ...claim, standing: standings[index] ?? 'stranger' }))
    const second = await store.claim(again, policy, at)
    const settled = new Map(open.map(({ author }, index) => [author, second[index]]))
    return claims.flatMap(({ author }, index) => settled.get(author) ?? first[index] ?? UNAVAILABLE)
  } catch (error) {
    // What the first call delivered is not lost.
    log.error({ err: error }, 'the store failed to claim key packages')
    return first.map((outcome) => (outcome.outcome === 'needs-known' ? UNAVAILABLE : outcome))
  }
}

const UNAVAILABLE = { outcome: 'unavailable' } as const

/** Authors whose look-up begins in one turn of the event loop: each may take a millisecond of it, and there may be hundreds (I9). */
const BEGUN_A_TURN = 10

/** Side by side, because a relay behind may take its time. */
async function standingsOf(
  context: GatewayContext,
  claims: readonly Claim[],
  authenticated: ReadonlySet<Pubkey>,
): Promise<Standing[]> {
  const begun: Promise<Standing>[] = []
  for (const [index, { author }] of claims.entries()) {
    if (index > 0 && index % BEGUN_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    begun.push(standingOf(context, author, authenticated))
  }
  return Promise.all(begun)
}

async function standingOf(
  { knownAs }: GatewayContext,
  author: Pubkey,
  authenticated: ReadonlySet<Pubkey>,
): Promise<Standing> {
  const pubkey = await knownAs(author, authenticated)
  return pubkey === undefined ? 'stranger' : { knownAs: pubkey }
}
