/** Lists an owner's packages and reads them one at a time, as fast as the client does: all together may be too large (I9). */

import type { GatewayContext } from '../context.ts'
import { deliveredEvent } from '../key-package/encoding.ts'
import type { KeyPackageFilter } from '../nostr/filters.ts'
import type { Pubkey, SignedEvent } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import type { ListedPackage } from '../store.ts'
import { noticesOfExposure } from './notices.ts'
import { groupByAuthor, ownView, type Query } from './plan.ts'
import type { Queuer } from './turns.ts'

/**
 * One piece of an owner's answer.
 * - `event`: one of their packages.
 * - `notice`: the text of a NOTICE; notices follow all events.
 * - `unavailable`: the store failed; this is the last piece.
 */
export type OwnPiece =
  | { readonly outcome: 'event'; readonly event: SignedEvent }
  | { readonly outcome: 'notice'; readonly message: string }
  | { readonly outcome: 'unavailable' }

type Reading = Pick<ListedPackage, 'author' | 'read'>

/** Makes each piece on demand. Ends early if `gone` is aborted. Never rejects. */
export async function* ownPieces(
  context: GatewayContext,
  query: Query,
  queuer: Queuer,
  gone: AbortSignal,
): AsyncGenerator<OwnPiece, void> {
  try {
    const notices: string[] = []
    for (const author of query.own.keys()) {
      const listed = await list(context, query, author, queuer, gone)
      notices.push(...listed.notices)
      for (const reading of listed.readings) yield* piece(query, reading, queuer, gone)
    }
    if (!gone.aborted) for (const message of notices) yield { outcome: 'notice', message }
  } catch (error) {
    context.log.error({ err: error }, 'the store failed to list key packages')
    yield { outcome: 'unavailable' }
  } finally {
    queuer.leave()
  }
}

/** How many packages match the owners' filters. @throws Refusal `error` if the store fails (I7) */
export async function countOwn(
  { store, log, now }: GatewayContext,
  filters: readonly KeyPackageFilter[],
): Promise<number> {
  try {
    const counts = [...groupByAuthor(filters)].map(
      async ([author, named]) => ownView(await store.list(author, now()), named).length,
    )
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
  } catch (error) {
    log.error({ err: error }, 'the store failed to count key packages')
    throw new Refusal('error', UNAVAILABLE)
  }
}

/** Keeps only the `read` functions of the packages, not their other data. */
async function list(
  { store, now }: GatewayContext,
  { own }: Query,
  author: Pubkey,
  queuer: Queuer,
  gone: AbortSignal,
): Promise<{ readings: readonly Reading[]; notices: readonly string[] }> {
  const turn = await queuer.turn(gone)
  if (turn === undefined) return { readings: [], notices: [] }
  try {
    const shown = ownView(await store.list(author, now()), own.get(author) ?? [])
    return {
      readings: shown.map(({ read }) => ({ author, read })),
      notices: noticesOfExposure(shown),
    }
  } finally {
    turn.end()
  }
}

async function* piece(
  { hints }: Query,
  { author, read }: Reading,
  queuer: Queuer,
  gone: AbortSignal,
): AsyncGenerator<OwnPiece, void> {
  const turn = await queuer.turn(gone)
  if (turn === undefined) return
  try {
    const stored = await read()
    if (stored === undefined) return
    const event = deliveredEvent(stored, hints.get(author) ?? 'as-published')
    // Both the event and its text, as stored or as sent, are in memory.
    turn.made(stored.event.length + event.content.length)
    yield { outcome: 'event', event }
  } finally {
    turn.end()
  }
}
