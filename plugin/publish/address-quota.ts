/** The quotas of an address for what it publishes, and of the network it is in. */

import type { GatewayContext } from '../context.ts'
import { withRetryAfter } from '../nostr/machine-readable.ts'
import { Refusal } from '../nostr/refusal.ts'
import { networkKey } from '../nostr/requester.ts'
import { type AddressWindow, addressWindows, refund, reserve } from '../quota-windows.ts'
import type { Quota } from '../store.ts'
import { orUnavailable } from './answers.ts'

/** What is counted, in words, and what the log says when the store cannot give it back. */
interface AddressQuota {
  readonly name: string
  readonly what: string
  readonly loss: string
  readonly quota: Quota
}

/**
 * Anybody can send an event that an author signed. A sender not authenticated as the author is charged to their own quota.
 * @throws Refusal `rate-limited`
 */
export async function countByAddress(context: GatewayContext, address: string, at: number): Promise<void> {
  await orUnavailable(context, () => hitByAddress(context, ofPublisher(context), address, at))
}

/** Known events are not counted: clients send their packages again to be sure. No answer waits for it (I7). */
export function uncountByAddress(context: GatewayContext, address: string, at: number): Promise<void> {
  return refundByAddress(context, ofPublisher(context), address, at)
}

/**
 * Counts one in the windows of the address and of its network. Rejects when the store does.
 * @throws Refusal `rate-limited` if one has no room; then neither counts it
 */
export async function hitByAddress(
  context: Pick<GatewayContext, 'store' | 'log'>,
  counted: AddressQuota,
  address: string,
  at: number,
): Promise<void> {
  const { what, loss } = counted
  const { limiting } = await reserve(context, windowsOf(counted, address), 1, at, loss)
  if (limiting === undefined) return
  const { quota, of } = limiting.window
  const reason = `${quota.max} ${what} per ${quota.windowSeconds} s from one ${of}`
  throw new Refusal('rate-limited', withRetryAfter(reason, limiting.retryAfterSeconds))
}

/** Gives back what `hitByAddress` has counted. Never rejects. */
export function refundByAddress(
  context: Pick<GatewayContext, 'store' | 'log'>,
  counted: AddressQuota,
  address: string,
  at: number,
): Promise<void> {
  return refund(context, windowsOf(counted, address), 1, at, counted.loss)
}

function windowsOf({ name, quota }: AddressQuota, address: string): AddressWindow[] {
  return addressWindows(name, { address, network: networkKey(address) }, quota)
}

function ofPublisher({ options }: GatewayContext): AddressQuota {
  return {
    name: 'publisher',
    what: 'key packages',
    loss: 'a known key package stays counted',
    quota: options.quota.publishPerAddress,
  }
}
