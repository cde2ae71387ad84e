/** Which key packages a deletion (kind 5, NIP-09) or a request to vanish (kind 62, NIP-62) names. */

import { SLOT_KIND } from '../key-package/kinds.ts'
import { hostOf } from '../nostr/auth.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import type { Selector } from '../store.ts'
import { RELAY_LIST_KIND } from './relay-list.ts'

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

/** Whether a deletion names the author's relay list, by an `a` tag or by the id of the stored one. */
export function namesRelayList(event: SignedEvent, relayListId: string | undefined): boolean {
  if (addressesOf(event).some(({ kind }) => kind === RELAY_LIST_KIND)) return true
  return relayListId !== undefined && valuesOf(event, 'e').includes(relayListId)
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
