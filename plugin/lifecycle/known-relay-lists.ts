/** What a store keeps of an author's relay lists, and which event of each kind it keeps. */

import { CLOCK_SKEW_SECONDS } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import { RELAY_LIST_KIND, supersedes } from './relay-list.ts'

const DAY_SECONDS = 86_400
/** How long the relay lists of an author without packages are kept: anybody can publish some for authors that they make up (I9). */
export const RELAY_LISTS_KEPT_SECONDS = 7 * DAY_SECONDS
/** How long the deletion of relay lists is remembered of an author without packages: as long as that of packages, by default. */
export const RELAY_LISTS_DELETED_SECONDS = 90 * DAY_SECONDS + CLOCK_SKEW_SECONDS
/** How often it is checked whether an author still has packages. */
const VISIT_SECONDS = DAY_SECONDS

/** What a store knows of an author's relay list of one kind. */
export interface KnownRelayList {
  readonly event?: SignedEvent
  /** Lists created until then (seconds since the epoch) were deleted and are not accepted again (NIP-09). */
  readonly deletedUntil?: number
}

/** All that a store knows of an author's relay lists. Kind 10051 came first: the record itself is its, `others` are by kind. */
export interface KnownRelayLists extends KnownRelayList {
  readonly others?: { readonly [kind: number]: KnownRelayList }
  /** Until when the lists are kept while the author has no packages, in seconds since the epoch. Earlier versions did not say. */
  readonly keptUntil?: number
}

/**
 * What became of a relay list that was put into a store.
 * - `stored`: it is the author's list of its kind now.
 * - `duplicate`: it was before.
 * - `stale`: the author's list of its kind is newer.
 * - `deleted`: its author deleted it, or one that is newer.
 * - `unheard`, only where `newAuthors` is `report`: nothing is known of any relay list of its author; nothing changed.
 */
export type RelayListOutcome = 'stored' | 'duplicate' | 'stale' | 'deleted' | 'unheard'

/**
 * The rules of `KeyPackageStore.putRelayList`. `lists` is the same object unless the outcome is `stored`; it is empty if nothing
 * is known.
 */
export function offerRelayList(
  lists: KnownRelayLists,
  event: SignedEvent,
  now: number,
  newAuthors?: 'report',
): { lists: KnownRelayLists; outcome: RelayListOutcome } {
  if (newAuthors === 'report' && everyKnownKind(lists).length === 0) return { lists, outcome: 'unheard' }
  const known = knownOfKind(lists, event.kind)
  const { deletedUntil } = known
  if (known.event?.id === event.id) return { lists, outcome: 'duplicate' }
  if (deletedUntil !== undefined && event.created_at <= deletedUntil) return { lists, outcome: 'deleted' }
  if (known.event !== undefined && !supersedes(event, known.event)) return { lists, outcome: 'stale' }
  const after = withKnown(withoutOldDeletions(lists, now), event.kind, {
    event,
    ...(isRemembered(deletedUntil, now) && { deletedUntil }),
  })
  return { lists: { ...after, keptUntil: now + RELAY_LISTS_KEPT_SECONDS }, outcome: 'stored' }
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

/** What a sweep leaves of an author's relay lists, undefined if nothing, and when it must look again (seconds since the epoch). */
export interface SweptRelayLists {
  readonly lists: KnownRelayLists | undefined
  readonly dueAt: number
}

/** The rules of `KeyPackageStore.sweep`. @param packages how many packages the author has */
export function sweepRelayLists(lists: KnownRelayLists, packages: number, now: number): SweptRelayLists {
  const { keptUntil = now + RELAY_LISTS_KEPT_SECONDS } = lists
  if (packages > 0) {
    return { lists: { ...lists, keptUntil: now + RELAY_LISTS_KEPT_SECONDS }, dueAt: now + VISIT_SECONDS }
  }
  const kept = everyKnownKind(lists).flatMap(({ kind, event, deletedUntil }) => {
    const isEventKept = event !== undefined && keptUntil > now
    const isDeletionKept = isRemembered(deletedUntil, now)
    if (!isEventKept && !isDeletionKept) return []
    return [{ kind, known: { ...(isEventKept && { event }), ...(isDeletionKept && { deletedUntil }) } }]
  })
  const times = kept.flatMap(({ known: { event, deletedUntil } }) => [
    ...(event === undefined ? [] : [keptUntil]),
    ...(deletedUntil === undefined ? [] : [deletedUntil + RELAY_LISTS_DELETED_SECONDS]),
  ])
  if (kept.length === 0) return { lists: undefined, dueAt: now }
  const left = kept.reduce<KnownRelayLists>((sum, { kind, known }) => withKnown(sum, kind, known), {})
  return { lists: { ...left, keptUntil }, dueAt: Math.min(...times) }
}

/** When a sweep must look at an author's relay lists that were stored or deleted now: before anything of them is over. */
export function relayListsDueAt(lists: KnownRelayLists, now: number): number {
  const { keptUntil = now + RELAY_LISTS_KEPT_SECONDS } = lists
  const deletions = everyKnownKind(lists).flatMap(({ deletedUntil }) => deletedUntil ?? [])
  return Math.min(keptUntil, ...deletions.map((until) => until + RELAY_LISTS_DELETED_SECONDS))
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
  keptUntil: _,
  ...known
}: KnownRelayLists): readonly (KnownRelayList & { readonly kind: number })[] {
  const byKind = Object.entries(others).map(([kind, other]) => ({ kind: Number(kind), ...other }))
  return Object.keys(known).length === 0 ? byKind : [{ kind: RELAY_LIST_KIND, ...known }, ...byKind]
}

export function knownOfKind(lists: KnownRelayLists, kind: number): KnownRelayList {
  if (kind !== RELAY_LIST_KIND) return lists.others?.[kind] ?? {}
  const { others: _, keptUntil: __, ...known } = lists
  return known
}

export function withKnown(lists: KnownRelayLists, kind: number, known: KnownRelayList): KnownRelayLists {
  if (kind !== RELAY_LIST_KIND) return { ...lists, others: { ...lists.others, [kind]: known } }
  const { others, keptUntil } = lists
  return { ...known, ...(others && { others }), ...(keptUntil !== undefined && { keptUntil }) }
}

/** A list that is stored postpones the next sweep, which would otherwise forget them. */
function withoutOldDeletions(lists: KnownRelayLists, now: number): KnownRelayLists {
  const left = everyKnownKind(lists).flatMap(({ kind, event, deletedUntil }) => {
    const known = { ...(event && { event }), ...(isRemembered(deletedUntil, now) && { deletedUntil }) }
    return Object.keys(known).length === 0 ? [] : [{ kind, known }]
  })
  return left.reduce<KnownRelayLists>((sum, { kind, known }) => withKnown(sum, kind, known), {})
}

function isRemembered(deletedUntil: number | undefined, now: number): deletedUntil is number {
  return deletedUntil !== undefined && deletedUntil + RELAY_LISTS_DELETED_SECONDS > now
}

function afterDeletion({ event, deletedUntil }: KnownRelayList, createdUntil: number): KnownRelayList {
  const until = Math.max(createdUntil, deletedUntil ?? createdUntil)
  return event !== undefined && event.created_at > until
    ? { event, deletedUntil: until }
    : { deletedUntil: until }
}
