/** The quota of an address for key packages whose sender is not authenticated as their author. */

import type { GatewayContext } from '../context.ts'
import { withRetryAfter } from '../nostr/machine-readable.ts'
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

/** @throws Refusal `rate-limited` if nothing was granted */
export function requireGranted({ granted, retryAfterSeconds }: QuotaOutcome, reason: string): void {
  if (granted === 0) throw new Refusal('rate-limited', withRetryAfter(reason, retryAfterSeconds))
}

function publisherKey(address: string): string {
  return `publisher ${address}`
}
