/** What a deletion (kind 5, NIP-09) or a request to vanish (kind 62, NIP-62) means for an author's key packages. */

import { SLOT_KIND } from '../key-package/kinds.ts'
import { hostOf } from '../nostr/auth.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import type { Selector } from '../store.ts'
import { RELAY_LIST_KIND } from './relay-list.ts'

export const DELETION_KIND = 5
export const VANISH_KIND = 62

/** The author's packages that a deletion names: by `e` their ids, by `a` their slots. */
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

/** Whether a deletion names the author's relay list, by `a` or by the id it has here. */
export function namesRelayList(event: SignedEvent, relayListId: string | undefined): boolean {
  if (addressesOf(event).some(({ kind }) => kind === RELAY_LIST_KIND)) return true
  return relayListId !== undefined && valuesOf(event, 'e').includes(relayListId)
}

/** Whether a deletion says itself that it is about key packages (its `k` tags, or the address of a slot). */
export function announcesKeyPackages(event: SignedEvent, kinds: readonly number[]): boolean {
  const announced = valuesOf(event, 'k').map(Number)
  return (
    announced.some((kind) => kinds.includes(kind)) ||
    addressesOf(event).some(({ kind }) => kinds.includes(kind))
  )
}

/** Whether a request to vanish is for this relay (NIP-62): its `relay` tags say so, or `ALL_RELAYS`. */
export function vanishesHere(event: SignedEvent, host: string | undefined): boolean {
  return valuesOf(event, 'relay').some((relay) => {
    if (relay === 'ALL_RELAYS') return true
    return host !== undefined && hostOf(relay) === host
  })
}

/** The addresses (`kind:pubkey:identifier`) that are the author's own. */
function addressesOf(event: SignedEvent): { kind: number; identifier: string }[] {
  return valuesOf(event, 'a').flatMap((address) => {
    const [kind, pubkey, ...identifier] = address.split(':')
    return pubkey === event.pubkey ? [{ kind: Number(kind), identifier: identifier.join(':') }] : []
  })
}

function valuesOf(event: SignedEvent, name: string): string[] {
  return event.tags.flatMap(([tag, value]) => (tag === name && value !== undefined ? [value] : []))
}
