/** Which key packages and relay lists a deletion (kind 5, NIP-09) or a request to vanish (kind 62, NIP-62) names. */

import { MAX_SLOT_LENGTH, SLOT_KIND } from '../key-package/kinds.ts'
import { hostOf } from '../nostr/auth.ts'
import { CLOCK_SKEW_SECONDS, isHex32 } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import type { Deletion } from '../store.ts'
import {
  FOLLOW_LIST_KINDS,
  FOLLOW_SET_KIND,
  FOLLOWS_KIND,
  type FollowListDeletion,
  VOUCHED_FOR,
} from './follow-list.ts'
import { RELAY_LIST_KINDS } from './relay-list.ts'

export const DELETION_KIND = 5
export const VANISH_KIND = 62

export const TOO_MANY_DELETIONS = 'too many deletions of key packages are remembered for this author'

/**
 * What a deletion request (NIP-09) deletes of its author: ids by `e` tags, slots by `a` tags. Undefined if it names neither, or
 * says by its `k` tags that it is about other kinds.
 * @param ttlSeconds how long an event that it covers could be stored after its creation
 */
export function deletionOf(
  event: SignedEvent,
  kinds: readonly number[],
  ttlSeconds: number,
): Deletion | undefined {
  const addresses = addressesOf(event)
  const slots = addresses
    .filter(({ kind, identifier }) => kind === SLOT_KIND && identifier.length <= MAX_SLOT_LENGTH)
    .map(({ identifier }) => identifier)
  const isAboutOthers = valuesOf(event, 'k').length > 0 && !concernsKeyPackages(event, kinds)
  const ids = isAboutOthers ? [] : valuesOf(event, 'e').filter(isHex32)
  if (ids.length === 0 && slots.length === 0) return undefined
  return { ...untilNow(event, ttlSeconds), ids: [...new Set(ids)], slots: [...new Set(slots)] }
}

/** What a request to vanish (NIP-62) deletes: everything of its author until then. */
export function vanishingOf(event: SignedEvent, ttlSeconds: number): Deletion {
  return { ...untilNow(event, ttlSeconds), everything: true }
}

/** An event created until then cannot be valid after `keptUntil`. */
function untilNow(
  { created_at }: SignedEvent,
  ttlSeconds: number,
): Pick<Deletion, 'createdUntil' | 'keptUntil'> {
  return { createdUntil: created_at, keptUntil: created_at + CLOCK_SKEW_SECONDS + ttlSeconds }
}

/** The kinds of the author's relay lists that a deletion names, by an `a` tag or by the id of a stored one. */
export function relayListsNamed(event: SignedEvent, stored: readonly SignedEvent[]): readonly number[] {
  const ids = new Set(valuesOf(event, 'e'))
  const addressed = new Set(addressesOf(event).map(({ kind }) => kind))
  const byId = new Set(stored.filter(({ id }) => ids.has(id)).map(({ kind }) => kind))
  return RELAY_LIST_KINDS.filter((kind) => addressed.has(kind) || byId.has(kind))
}

/** The author's follow lists that a deletion names, by an `a` tag or by an id. A request to vanish names all. */
export function followListsNamed(event: SignedEvent): FollowListDeletion {
  const createdUntil = event.created_at
  if (event.kind === VANISH_KIND) return { kinds: FOLLOW_LIST_KINDS, ids: [], createdUntil }
  const kinds = addressesOf(event)
    .filter(
      ({ kind, identifier }) =>
        kind === FOLLOWS_KIND || (kind === FOLLOW_SET_KIND && identifier === VOUCHED_FOR),
    )
    .map(({ kind }) => kind)
  return { kinds, ids: valuesOf(event, 'e'), createdUntil }
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
