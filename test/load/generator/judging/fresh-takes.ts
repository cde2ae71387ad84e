/**
 * How many packages of an author strangers took: all together, and from one address (I5). The shared one is among what they got, and
 * each that took its place because it was deleted or retired, so that many more may be seen than the quota says.
 */

import type { Pubkey } from '../../../../plugin/nostr/messages.ts'
import type { Quota } from '../../../../plugin/store.ts'
import type { CountedWindow } from './counted-window.ts'
import { type Claimed, groupedBy, type Observations, ONE_TIME } from './observations.ts'
import type { Policy } from './policy.ts'

/** A package that came to a stranger from an address for the first time. */
interface Take {
  readonly id: string
  readonly author: Pubkey
  readonly claim: Claimed
}

export function freshTakes(seen: Observations, policy: Policy): CountedWindow[] {
  const { strangers, freshPerAddress, retireAfterSeconds } = policy
  const deletions = groupedBy(seen.deleted, ({ author }) => author)
  const retirements = Math.floor(durationOf(seen.claimed) / 1000 / retireAfterSeconds)
  const window = (name: string, quota: Quota, takes: readonly Take[]): CountedWindow[] => {
    const [take] = takes
    if (take === undefined || quota.max === 0) return []
    const shared = 1 + retirements + (deletions.get(take.author)?.length ?? 0)
    const events = takes.map(({ claim }) => claim)
    return [{ name, quota: { ...quota, max: quota.max + shared }, events }]
  }
  return [...groupedBy(takesIn(seen), ({ author }) => author)].flatMap(([author, takes]) => {
    const byAddress = [...groupedBy(takes, ({ claim }) => claim.address)].flatMap(([address, some]) =>
      window(`freshPerAddress: ${author} from ${address}`, freshPerAddress, firstOfEach(some)),
    )
    return [...window(`strangers: ${author}`, strangers, firstOfEach(takes)), ...byAddress]
  })
}

function takesIn({ claimed, published }: Observations): Take[] {
  const aliases = new Set(published.filter(({ isTwin }) => isTwin).map(({ id }) => id))
  return claimed
    .filter(({ isStranger, outcome }) => isStranger && outcome !== 'unknown')
    .flatMap((claim) =>
      claim.delivered
        .filter(({ id, author, kind }) => kind === ONE_TIME && !aliases.has(id) && author !== claim.person)
        .map(({ id, author }) => ({ id, author, claim })),
    )
}

/** One of each package. */
function firstOfEach(takes: readonly Take[]): Take[] {
  return [...new Map(takes.toReversed().map((take) => [take.id, take])).values()]
}

function durationOf(claimed: readonly Claimed[]): number {
  const from = claimed.reduce((least, { sentAt }) => Math.min(least, sentAt), Number.POSITIVE_INFINITY)
  const until = claimed.reduce((most, { sentAt }) => Math.max(most, sentAt), 0)
  return Math.max(0, until - from)
}
