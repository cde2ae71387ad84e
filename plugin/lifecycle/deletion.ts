/** Which key packages and relay lists a deletion (kind 5, NIP-09) or a request to vanish (kind 62, NIP-62) names. */

import { SLOT_KIND } from '../key-package/kinds.ts'
import { hostOf } from '../nostr/auth.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import type { Selector } from '../store.ts'
import { RELAY_LIST_KINDS } from './relay-list.ts'

export const DELETION_KIND = 5
export const VANISH_KIND = 62

/** The author's packages that a deletion names: ids by `e` tags, slots by `a` tags. */
export function selectorsOf(event: SignedEvent): Selector[] {
  const ids = valuesOf(event, 'e')
  const slots = addressesOf(event)
    .filter(({ kind }) => kind === SLOT_KIND)
    .map(({ identifier }) => identifier)
  const selectors: Selector[] = []
  if (ids.length > 0) selectors.push({ by: 'id', ids })
  if (slots.length > 0) selectors.push({ by: 'slot', slots, createdUntil: event.created_at })
  return selectors
}

/** The kinds of the author's relay lists that a deletion names, by an `a` tag or by the id of a stored one. */
export function relayListsNamed(event: SignedEvent, stored: readonly SignedEvent[]): readonly number[] {
  const ids = new Set(valuesOf(event, 'e'))
  const addressed = new Set(addressesOf(event).map(({ kind }) => kind))
  const byId = new Set(stored.filter(({ id }) => ids.has(id)).map(({ kind }) => kind))
  return RELAY_LIST_KINDS.filter((kind) => addressed.has(kind) || byId.has(kind))
}

/** Whether the tags of a deletion say that it is about key packages (`k`, or the address of a slot). */
export function concernsKeyPackages(event: SignedEvent, kinds: readonly number[]): boolean {
  const kindsNamed = valuesOf(event, 'k').map(Number)
  return (
    kindsNamed.some((kind) => kinds.includes(kind)) ||
    addressesOf(event).some(({ kind }) => kinds.includes(kind))
  )
}

/** Whether a `relay` tag of a request to vanish names this relay or `ALL_RELAYS` (NIP-62). */
export function vanishesHere(event: SignedEvent, host: string | undefined): boolean {
  return valuesOf(event, 'relay').some((relay) => {
    if (relay === 'ALL_RELAYS') return true
    return host !== undefined && hostOf(relay) === host
  })
}

/** The author's own addresses (`kind:pubkey:identifier`) in the `a` tags. */
function addressesOf(event: SignedEvent): { kind: number; identifier: string }[] {
  return valuesOf(event, 'a').flatMap((address) => {
    const [kind, pubkey, ...identifier] = address.split(':')
    return pubkey === event.pubkey ? [{ kind: Number(kind), identifier: identifier.join(':') }] : []
  })
}

function valuesOf(event: SignedEvent, name: string): string[] {
  return event.tags.flatMap(([tag, value]) => (tag === name && value !== undefined ? [value] : []))
}
