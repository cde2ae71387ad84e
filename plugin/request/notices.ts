/** The NOTICEs in answers to REQs: they tell owners which packages are exposed, and others which authors use other relays. */

import type { GatewayContext } from '../context.ts'
import { RELAY_LIST_KIND, relaysOf, writeRelaysOf } from '../lifecycle/relay-list.ts'
import { hostOf } from '../nostr/auth.ts'
import { exposureNotice } from '../nostr/machine-readable.ts'
import type { Pubkey, SignedEvent } from '../nostr/messages.ts'
import type { Claim, StockedPackage } from '../store.ts'

/** Maximum authors named in one notice. */
const MAX_NAMED = 20
/** Maximum relays counted in one list: anybody can publish long lists, for any number of authors (I9). */
const MAX_COUNTED = 20

/** For an owner: which of the packages were delivered as the shared one and are still stored. */
export function noticesOfExposure(packages: readonly StockedPackage[]): string[] {
  const exposures = packages.flatMap(({ id, exposure }) =>
    exposure === undefined ? [] : [[id, { requests: exposure.count, since: exposure.since }] as const],
  )
  return exposures.length === 0 ? [] : [exposureNotice(new Map(exposures))]
}

/**
 * For a requester: the authors of whom nothing was delivered and whose relay lists (`relayLists`) name other relays, with the
 * number of those relays. The client can look them up in these lists. It says nothing of what is here: an author with packages that do not match is
 * named like one without. Otherwise a filter that matches nothing would tell who has packages, and use up none.
 * @param here host and port of this relay; if they are not known, no list can be judged and there is no notice
 */
export async function noticesOfElsewhere(
  context: GatewayContext,
  missing: readonly Claim[],
  here: string | undefined,
): Promise<string[]> {
  if (missing.length === 0 || here === undefined) return []
  const { store, log, options } = context
  const authors = missing.map(({ author }) => author)
  try {
    const byAuthor = otherRelays(await store.getRelayLists(authors, options.relayLists), here)
    const elsewhere = authors.flatMap((author) => {
      const relays = byAuthor.get(author)?.size ?? 0
      return relays === 0 ? [] : [`${author} (${relays})`]
    })
    if (elsewhere.length === 0) return []
    const more = elsewhere.length > MAX_NAMED ? [`${elsewhere.length - MAX_NAMED} more`] : []
    const named = [...elsewhere.slice(0, MAX_NAMED), ...more].join(', ')
    return [
      `missing: no matching key packages here, but relay lists (${kindsIn(options)}) that name other relays: ${named}`,
    ]
  } catch (error) {
    log.error({ err: error }, 'failed to look up where else key packages are')
    return []
  }
}

/** The hosts of other relays by author: each once, however many lists name it. */
function otherRelays(lists: readonly SignedEvent[], here: string): ReadonlyMap<Pubkey, ReadonlySet<string>> {
  const byAuthor = new Map<Pubkey, Set<string>>()
  for (const { pubkey, kind, tags } of lists) {
    const hosts = byAuthor.get(pubkey) ?? new Set()
    byAuthor.set(pubkey, hosts)
    const relaysIn = kind === RELAY_LIST_KIND ? relaysOf : writeRelaysOf
    for (const relay of relaysIn({ tags: tags.slice(0, MAX_COUNTED) })) {
      const host = hostOf(relay)
      if (host !== undefined && host !== here) hosts.add(host)
    }
  }
  return byAuthor
}

function kindsIn({ relayLists }: GatewayContext['options']): string {
  const [only, ...others] = relayLists
  return others.length === 0 ? `kind ${only}` : `kinds ${relayLists.join(', ')}`
}
