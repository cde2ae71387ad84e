/** The NOTICEs in answers to REQs: they tell owners which packages are exposed, and others which authors use other relays. */

import type { GatewayContext } from '../context.ts'
import { relaysOf } from '../lifecycle/relay-list.ts'
import { hostOf } from '../nostr/auth.ts'
import { exposureNotice } from '../nostr/machine-readable.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import type { Claim, StockedPackage } from '../store.ts'

/** Maximum authors named in one notice. */
const MAX_NAMED = 20
/** Maximum relays counted in one list: anybody can publish long lists, for any number of authors (I9). */
const MAX_COUNTED = 20

/** For an owner: which of the packages were delivered as the last one and are still stored. */
export function noticesOfExposure(packages: readonly StockedPackage[]): string[] {
  const exposures = packages.flatMap(({ id, exposure }) =>
    exposure === undefined ? [] : [[id, { requests: exposure.count, since: exposure.since }] as const],
  )
  return exposures.length === 0 ? [] : [exposureNotice(new Map(exposures))]
}

/**
 * For a requester: which of the authors without a matching package have none here at all, and how many other relays
 * their relay lists name. The client can look the relays up (kind 10051).
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
    const more = elsewhere.length > MAX_NAMED ? [`${elsewhere.length - MAX_NAMED} more`] : []
    const named = [...elsewhere.slice(0, MAX_NAMED), ...more].join(', ')
    return [`missing: no key packages here, but relay lists (kind 10051) that name other relays: ${named}`]
  } catch (error) {
    log.error({ err: error }, 'failed to look up where else key packages are')
    return []
  }
}

/** How many other relays a list names, among its first `MAX_COUNTED` tags. */
function otherRelays(list: SignedEvent | undefined, { options }: GatewayContext): number {
  if (list === undefined) return 0
  const here = hostOf(options.publicUrl ?? '')
  return new Set(
    relaysOf({ tags: list.tags.slice(0, MAX_COUNTED) })
      .map(hostOf)
      .filter((host) => host !== here),
  ).size
}
