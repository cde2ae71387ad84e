/** An author's own packages outside of a connection: what is listed of them, and their removal by the author or the operator. */

import type { GatewayContext } from '../context.ts'
import type { KeyPackageRef } from '../key-package/decode.ts'
import { CLOCK_SKEW_SECONDS } from '../nostr/event.ts'
import type { EventId, Pubkey } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import { addressKey } from '../nostr/requester.ts'
import { admitAuthor } from '../publish/new-authors.ts'
import { byAge, isOneTime } from '../stock/selection.ts'
import type { ListedPackage } from '../store.ts'
import { TOO_MANY_DELETIONS } from './deletion.ts'

/** A package in the stock as its author sees it. Times are seconds since the epoch. */
export interface OwnPackage {
  readonly id: EventId
  readonly ref: KeyPackageRef
  readonly kind: number
  /**
   * - `fresh`: a one-time package that nobody has got.
   * - `exposed`: the author's shared one-time package, which has been delivered and stays.
   * - `reusable`: a slot or its alias. Whether it was delivered is not kept: claims of slots write nothing.
   */
  readonly state: 'fresh' | 'exposed' | 'reusable'
  /** How often a one-time package was delivered; absent if it is `reusable`. */
  readonly delivered?: number
  /** When it was delivered first, if it is `exposed`. */
  readonly exposedSince?: number
  /** The `d` tag of a kind 30443 event. */
  readonly slot?: string
  /** A kind 443 event whose KeyPackage is in a slot as well: it goes when its slot goes. */
  readonly alias?: true
  readonly lastResort: boolean
  /** `created_at` of its event. */
  readonly publishedAt: number
  /** Absent if an earlier version of the store took it in. */
  readonly receivedAt?: number
  readonly expiresAt: number
}

/** Which of an author's packages are removed. Also those that are not here yet: they are refused when they arrive (I3). */
export type PackagesToRemove = readonly EventId[] | 'everything'

/** Who removes packages, where that is not the operator. */
export interface RemovedBy {
  /** The network address: an author never heard of counts as a new one from there. */
  readonly address: string
}

/**
 * - `removed`: that many events have left the stock, and none of those named can be published again (I3).
 * - `refused`: nothing was removed; the message begins with a NIP-01 prefix.
 */
export type OwnRemoval =
  | { readonly outcome: 'removed'; readonly count: number }
  | { readonly outcome: 'refused'; readonly message: string }

/** Newest first. Spends nothing. Rejects when the store does. */
export async function ownPackagesOf({ store, now }: GatewayContext, author: Pubkey): Promise<OwnPackage[]> {
  const listed = await store.list(author, now())
  return listed.sort((one, other) => byAge(other, one)).map(ownPackage)
}

/** Rejects when the store does. */
export async function removeOwn(
  context: GatewayContext,
  author: Pubkey,
  which: PackagesToRemove,
  by?: RemovedBy,
): Promise<OwnRemoval> {
  const { store, now, options } = context
  try {
    await admitAuthor(context, author, by && addressKey(by.address))
    const at = now()
    const deletion = {
      ids: which === 'everything' ? await idsCreatedAfter(context, author, at) : [...new Set(which)],
      ...(which === 'everything' && { everything: true }),
      createdUntil: at,
      keptUntil: at + CLOCK_SKEW_SECONDS + options.stock.ttlSeconds,
    }
    const dropped = await store.drop(author, deletion, at)
    if (dropped.outcome === 'full') throw new Refusal('rate-limited', TOO_MANY_DELETIONS)
    return { outcome: 'removed', count: dropped.count }
  } catch (error) {
    if (error instanceof Refusal) return { outcome: 'refused', message: error.message }
    throw error
  }
}

/** A publisher's clock may be ahead of ours: everything means these packages too. */
async function idsCreatedAfter(
  { store }: GatewayContext,
  author: Pubkey,
  now: number,
): Promise<readonly EventId[]> {
  const listed = await store.list(author, now)
  return listed.filter(({ createdAt }) => createdAt > now).map(({ id }) => id)
}

function ownPackage(pkg: ListedPackage): OwnPackage {
  const { id, ref, kind, slot, alias, lastResort, createdAt, receivedAt, expiresAt } = pkg
  return {
    id,
    ref,
    kind,
    ...stateOf(pkg),
    ...(slot !== undefined && { slot }),
    ...(alias && { alias }),
    lastResort,
    publishedAt: createdAt,
    ...(receivedAt !== undefined && { receivedAt }),
    expiresAt,
  }
}

function stateOf(pkg: ListedPackage): Pick<OwnPackage, 'state' | 'delivered' | 'exposedSince'> {
  if (!isOneTime(pkg)) return { state: 'reusable' }
  if (pkg.exposure === undefined) return { state: 'fresh', delivered: 0 }
  return { state: 'exposed', delivered: pkg.exposure.count, exposedSince: pkg.exposure.since }
}
