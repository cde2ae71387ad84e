/** What the sender of a REQ is told beside the key packages: an owner, which are exposed; others, whom to look for elsewhere. */

import type { GatewayContext } from './context.ts'
import { relaysOf } from './lifecycle/relay-list.ts'
import { hostOf } from './nostr/auth.ts'
import { exposureNotice } from './nostr/machine-readable.ts'
import type { SignedEvent } from './nostr/messages.ts'
import type { Claim, StockedPackage } from './store.ts'

/** Most authors that one notice names. */
const MOST_NAMED = 20
/** Most relays that are counted of one list: anybody may leave long ones, of any number of authors (I9). */
const MOST_COUNTED = 20

/** For an owner: which of the packages were handed out as the last one, and are still there for want of another. */
export function noticesOfExposure(packages: readonly StockedPackage[]): string[] {
  const exposures = packages.flatMap(({ id, exposure }) =>
    exposure === undefined ? [] : [[id, { requests: exposure.count, since: exposure.since }] as const],
  )
  return exposures.length === 0 ? [] : [exposureNotice(new Map(exposures))]
}

/**
 * For a claimant: which of the authors that no package was found of have none here, and how many other relays their
 * relay lists name. Which ones is for the client to look up (kind 10051).
 */
export async function noticesOfElsewhere(
  context: GatewayContext,
  missing: readonly Claim[],
): Promise<string[]> {
  if (missing.length === 0) return []
  const { store, log, now } = context
  const authors = missing.map(({ author }) => author)
  try {
    const [counts, lists] = await Promise.all([store.count(authors, now()), store.getRelayLists(authors)])
    const elsewhere = authors.flatMap((author, index) => {
      const relays = otherRelays(lists[index], context)
      return relays === 0 || (counts[index] ?? 0) > 0 ? [] : [`${author} (${relays})`]
    })
    if (elsewhere.length === 0) return []
    const more = elsewhere.length > MOST_NAMED ? [`${elsewhere.length - MOST_NAMED} more`] : []
    const named = [...elsewhere.slice(0, MOST_NAMED), ...more].join(', ')
    return [`missing: no key packages here, but relay lists (kind 10051) that name other relays: ${named}`]
  } catch (error) {
    log.error({ err: error }, 'failed to look up where else key packages are')
    return []
  }
}

/** How many relays besides this one are among the first that a list names. */
function otherRelays(list: SignedEvent | undefined, { options }: GatewayContext): number {
  if (list === undefined) return 0
  const here = hostOf(options.publicUrl ?? '')
  return new Set(
    relaysOf({ tags: list.tags.slice(0, MOST_COUNTED) })
      .map(hostOf)
      .filter((host) => host !== here),
  ).size
}
