/** What a store keeps of an author's relay lists, and which event of each kind it keeps. */

import type { SignedEvent } from '../nostr/messages.ts'
import { RELAY_LIST_KIND, supersedes } from './relay-list.ts'

/** What a store knows of an author's relay list of one kind. */
export interface KnownRelayList {
  readonly event?: SignedEvent
  /** Lists created until then (seconds since the epoch) were deleted and are not accepted again (NIP-09). */
  readonly deletedUntil?: number
}

/** All that a store knows of an author's relay lists. Kind 10051 came first: the record itself is its, `others` are by kind. */
export interface KnownRelayLists extends KnownRelayList {
  readonly others?: { readonly [kind: number]: KnownRelayList }
}

/**
 * What became of a relay list that was put into a store.
 * - `stored`: it is the author's list of its kind now.
 * - `duplicate`: it was before.
 * - `stale`: the author's list of its kind is newer.
 * - `deleted`: its author deleted it, or one that is newer.
 */
export type RelayListOutcome = 'stored' | 'duplicate' | 'stale' | 'deleted'

/** The rules of `KeyPackageStore.putRelayList`. `lists` is the same object unless the outcome is `stored`. */
export function offerRelayList(
  lists: KnownRelayLists,
  event: SignedEvent,
): { lists: KnownRelayLists; outcome: RelayListOutcome } {
  const known = knownOfKind(lists, event.kind)
  const { deletedUntil } = known
  if (known.event?.id === event.id) return { lists, outcome: 'duplicate' }
  if (deletedUntil !== undefined && event.created_at <= deletedUntil) return { lists, outcome: 'deleted' }
  if (known.event !== undefined && !supersedes(event, known.event)) return { lists, outcome: 'stale' }
  return { lists: withKnown(lists, event.kind, { ...known, event }), outcome: 'stored' }
}

/** The rules of `KeyPackageStore.dropRelayLists`. */
export function deleteRelayLists(
  lists: KnownRelayLists,
  kinds: readonly number[],
  createdUntil: number,
): KnownRelayLists {
  return kinds.reduce(
    (left, kind) => withKnown(left, kind, afterDeletion(knownOfKind(left, kind), createdUntil)),
    lists,
  )
}

/** The rules of `KeyPackageStore.getRelayLists`, for one author. */
export function relayListsIn(
  lists: KnownRelayLists | undefined,
  kinds: readonly number[],
): readonly SignedEvent[] {
  if (lists === undefined) return []
  return kinds.flatMap((kind) => knownOfKind(lists, kind).event ?? [])
}

/** What is known by kind, for `MovableStore.relayLists`. */
export function everyKnownKind({
  others = {},
  ...known
}: KnownRelayLists): readonly (KnownRelayList & { readonly kind: number })[] {
  const byKind = Object.entries(others).map(([kind, other]) => ({ kind: Number(kind), ...other }))
  return Object.keys(known).length === 0 ? byKind : [{ kind: RELAY_LIST_KIND, ...known }, ...byKind]
}

export function knownOfKind(lists: KnownRelayLists, kind: number): KnownRelayList {
  if (kind !== RELAY_LIST_KIND) return lists.others?.[kind] ?? {}
  const { others, ...known } = lists
  return known
}

export function withKnown(lists: KnownRelayLists, kind: number, known: KnownRelayList): KnownRelayLists {
  if (kind !== RELAY_LIST_KIND) return { ...lists, others: { ...lists.others, [kind]: known } }
  return lists.others === undefined ? known : { ...known, others: lists.others }
}

function afterDeletion({ event, deletedUntil }: KnownRelayList, createdUntil: number): KnownRelayList {
  const until = Math.max(createdUntil, deletedUntil ?? createdUntil)
  return event !== undefined && event.created_at > until
    ? { event, deletedUntil: until }
    : { deletedUntil: until }
}
