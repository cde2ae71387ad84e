/** The quotas of an address: for key packages whose sender is not authenticated as their author, and for new authors. */

import type { GatewayContext } from '../context.ts'
import { withRetryAfter } from '../nostr/machine-readable.ts'
import type { Pubkey } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import type { QuotaOutcome } from '../store.ts'
import { orUnavailable } from './answers.ts'

/**
 * Anybody can send an event that an author signed. A sender not authenticated as the author is charged to their own quota.
 * @throws Refusal `rate-limited`
 */
export async function countByAddress(context: GatewayContext, address: string, at: number): Promise<void> {
  const { store, options } = context
  const quota = options.quota.publishPerAddress
  const outcome = await orUnavailable(context, () => store.hit(publisherKey(address), 1, quota, at))
  requireGranted(outcome, `${quota.max} key packages per ${quota.windowSeconds} s from one address`)
}

/** Known events are not counted: clients send their packages again to be sure. No answer waits for it (I7). */
export async function uncountByAddress(
  { store, options, log }: GatewayContext,
  address: string,
  at: number,
): Promise<void> {
  try {
    await store.refund(publisherKey(address), 1, options.quota.publishPerAddress, at)
  } catch (error) {
    log.error({ err: error }, 'the store failed to refund a quota; a known key package stays counted')
  }
}

/**
 * Counts an author that the store has never heard of: making one up costs nothing (I9). Rejects when the store does.
 * @throws Refusal `rate-limited`
 */
export async function countNewAuthor(
  { store, options, now }: GatewayContext,
  author: Pubkey,
  address: string | undefined,
): Promise<void> {
  if (address === undefined) return
  const [known] = await store.count([author], now())
  if (known !== undefined) return
  const quota = options.quota.newAuthorsPerAddress
  const outcome = await store.hit(`new authors ${address}`, 1, quota, now())
  requireGranted(
    outcome,
    `deletions of ${quota.max} new authors per ${quota.windowSeconds} s from one address`,
  )
}

/** @throws Refusal `rate-limited` */
function requireGranted({ granted, retryAfterSeconds }: QuotaOutcome, reason: string): void {
  if (granted === 0) throw new Refusal('rate-limited', withRetryAfter(reason, retryAfterSeconds))
}

function publisherKey(address: string): string {
  return `publisher ${address}`
}
