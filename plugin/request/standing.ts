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
    const standings = await Promise.all(open.map(({ author }) => standingOf(context, author, authenticated)))
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

async function standingOf(
  { knownAs }: GatewayContext,
  author: Pubkey,
  authenticated: ReadonlySet<Pubkey>,
): Promise<Standing> {
  const pubkey = await knownAs(author, authenticated)
  return pubkey === undefined ? 'stranger' : { knownAs: pubkey }
}
