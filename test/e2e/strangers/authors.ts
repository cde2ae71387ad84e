/** The authors that a stranger must not tell apart: one and the same, with packages, without, spent out, unheard of. */

import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

export const author = person('alice')
export const requester = person('bob')
export const stranger = person('mallory')

const HOUR = 3600
const DAY = 24 * HOUR
/** When strangers ask: what lives for an hour has expired. */
export const ASKED_AFTER = 2 * HOUR

async function packageOf(
  someone: Person,
  age: number,
  { tags = {}, kind = 443, livesFor = 80 * DAY } = {},
): Promise<SignedEvent> {
  const lifetime = { notBefore: NOW - HOUR, notAfter: NOW + livesFor }
  const made = await makeKeyPackage(someone, { lifetime })
  return keyPackageEvent(someone, made, { createdAt: NOW - age, kind, tags })
}

const [oldest, older, newest] = await Promise.all([300, 200, 100].map((age) => packageOf(author, age)))
const [slot, rotated] = await Promise.all(
  [300, 100].map((age) => packageOf(author, age, { kind: 30443, tags: { d: ['phone'] } })),
)
const shortLived = await packageOf(author, 300, { livesFor: HOUR })
const shortSlot = await packageOf(author, 300, { kind: 30443, tags: { d: ['phone'] }, livesFor: HOUR })

function all(...events: readonly (SignedEvent | undefined)[]): SignedEvent[] {
  return events.filter((event) => event !== undefined)
}

/** They name another relay, so that who finds nothing here is told of them. */
export const RELAY_LISTS = [[10051, 'relay'] as const, [10002, 'r'] as const].map(([kind, tag]) =>
  signEvent(author.secretKey, {
    kind,
    created_at: NOW,
    tags: [[tag, 'wss://elsewhere.example']],
    content: '',
  }),
)

/** What happened before the stranger asks. */
export interface Past {
  readonly published: readonly SignedEvent[]
  /** How many claims others have made. */
  readonly claims: number
  /** Whether expired packages have been swept. */
  readonly swept?: true
}

export const UNHEARD_OF = 'unheard of'

export const PASTS: Readonly<Record<string, Past>> = {
  [UNHEARD_OF]: { published: [], claims: 0 },
  'with one-time packages': { published: all(oldest, older, newest), claims: 0 },
  'with a slot': { published: all(slot), claims: 0 },
  'with a slot that was rotated': { published: all(slot, rotated), claims: 1 },
  'with both': { published: all(oldest, older, newest, slot), claims: 0 },
  'of whom packages were claimed': { published: all(oldest, older, newest), claims: 1 },
  'whose last package was claimed': { published: all(oldest), claims: 2 },
  'spent out': { published: all(shortLived, shortSlot), claims: 0 },
  'spent out, and swept': { published: all(shortLived, shortSlot), claims: 1, swept: true },
}

/** Events that strangers may have, from wherever the author published them. */
export const known = { oneTime: all(oldest)[0] as SignedEvent, slot: all(slot)[0] as SignedEvent }

/** Each was stored, in this past; the stranger publishes it again. */
export const REPEATED: Readonly<Record<string, { readonly past: Past; readonly event: SignedEvent }>> = {
  'in the stock': { past: { published: all(oldest, older), claims: 0 }, event: known.oneTime },
  claimed: { past: { published: all(oldest, older), claims: 1 }, event: known.oneTime },
  'the last one, claimed': { past: { published: all(oldest), claims: 1 }, event: known.oneTime },
  'in its slot': { past: { published: all(slot), claims: 0 }, event: known.slot },
  'in its slot, claimed': { past: { published: all(slot), claims: 1 }, event: known.slot },
  'replaced in its slot': { past: { published: all(slot, rotated), claims: 0 }, event: known.slot },
}
