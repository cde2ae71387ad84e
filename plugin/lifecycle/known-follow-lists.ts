/**
 * What a store keeps of an author's follow lists, and which list of each kind it keeps. Pubkeys are kept as 8 bytes of an HMAC
 * with a secret that the store makes for each author: nobody can make a key that is taken for a followed one.
 */

import { createHmac, randomBytes } from 'node:crypto'
import type { EventId, Pubkey } from '../nostr/messages.ts'
import type { Following, FollowList, FollowListDeletion, FollowListOutcome } from './follow-list.ts'
import { supersedes } from './relay-list.ts'

/** All that a store knows of an author's follow lists, by their kind. */
export interface KnownFollowLists {
  /** Of the digests: random, and never shown. */
  readonly secret: string
  readonly lists: { readonly [kind: number]: KnownFollowList }
  /** Lists created until then (seconds since the epoch) were deleted and are not accepted again (NIP-09, NIP-62). */
  readonly deletedUntil: { readonly [kind: number]: number }
}

/** What a store knows of an author's follow list of one kind. */
export interface KnownFollowList {
  readonly id: EventId
  /** Seconds since the epoch. */
  readonly createdAt: number
  /** The digests of the followed, one after the other: 22 KB for 2,000. */
  readonly followed: string
}

/** What the rules need to know of an author's stock. A stock of `stock/` has the same members. */
export interface FollowingAuthor {
  /** Only of authors who have packages are lists kept, so that made-up authors cost nothing (I9). */
  readonly packages: { readonly length: number }
  readonly deletions?: { readonly everything?: readonly [createdUntil: number, keptUntil: number] }
}

const SECRET_BYTES = 16
const DIGEST_BYTES = 8

/** The rules of `KeyPackageStore.putFollowList`. `known` is the same unless the outcome is `stored`. */
export function offerFollowList(
  known: KnownFollowLists | undefined,
  list: FollowList,
  author: FollowingAuthor | undefined,
): { known: KnownFollowLists | undefined; outcome: FollowListOutcome } {
  const outcome = judgeFollowList(known, list, author)
  if (outcome !== 'stored') return { known, outcome }
  const { secret, lists, deletedUntil } = known ?? newlyKnown()
  const { kind, id, createdAt, pubkeys } = list
  const followed = pubkeys.map((pubkey) => digestOf(secret, pubkey)).join('')
  return {
    known: { secret, deletedUntil, lists: { ...lists, [kind]: { id, createdAt, followed } } },
    outcome,
  }
}

/** The outcome of `offerFollowList` alone, without the digests: 2,000 take about 5 ms. */
export function judgeFollowList(
  known: KnownFollowLists | undefined,
  { id, kind, createdAt }: FollowList,
  author: FollowingAuthor | undefined,
): FollowListOutcome {
  if (author === undefined || author.packages.length === 0) return 'no packages'
  const before = known?.lists[kind]
  if (before?.id === id) return 'duplicate'
  const deletions = [known?.deletedUntil[kind], author.deletions?.everything?.[0]]
  if (deletions.some((until) => until !== undefined && createdAt <= until)) return 'deleted'
  if (before === undefined) return 'stored'
  return supersedes({ id, created_at: createdAt }, { id: before.id, created_at: before.createdAt })
    ? 'stored'
    : 'stale'
}

/** The rules of `KeyPackageStore.dropFollowLists`: undefined if nothing is to be kept, the same object if nothing changes. */
export function deleteFollowLists(
  known: KnownFollowLists | undefined,
  { kinds, ids, createdUntil }: FollowListDeletion,
  author: FollowingAuthor | undefined,
): KnownFollowLists | undefined {
  if (author === undefined || author.packages.length === 0) return undefined
  const named = Object.entries(known?.lists ?? {}).filter(([, { id }]) => ids.includes(id))
  const deleted = new Set([...kinds, ...named.map(([kind]) => Number(kind))])
  if (deleted.size === 0) return known
  const { secret, lists, deletedUntil } = known ?? newlyKnown()
  const untils = [...deleted].map((kind): [number, number] => [
    kind,
    Math.max(createdUntil, deletedUntil[kind] ?? createdUntil),
  ])
  const until = { ...deletedUntil, ...Object.fromEntries(untils) }
  const left = Object.entries(lists).filter(
    ([kind, { createdAt }]) => !deleted.has(Number(kind)) || createdAt > createdUntil,
  )
  return { secret, lists: Object.fromEntries(left), deletedUntil: until }
}

/** The rules of `KeyPackageStore.follows`. */
export function followingIn(known: KnownFollowLists | undefined, pubkeys: readonly Pubkey[]): Following {
  const lists = Object.values(known?.lists ?? {})
  if (known === undefined || lists.length === 0) return 'unknown'
  const digests = pubkeys.map((pubkey) => digestOf(known.secret, pubkey))
  return lists.some(({ followed }) => digests.some((digest) => followed.includes(digest)))
    ? 'followed'
    : 'not followed'
}

/** 11 characters. No other text of that length is found in a list by chance, also not across two digests. */
export function digestOf(secret: string, pubkey: Pubkey): string {
  const digest = createHmac('sha256', secret).update(pubkey).digest()
  return digest.subarray(0, DIGEST_BYTES).toString('base64url')
}

function newlyKnown(): KnownFollowLists {
  return { secret: randomBytes(SECRET_BYTES).toString('base64url'), lists: {}, deletedUntil: {} }
}
