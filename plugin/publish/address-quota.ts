/** The quotas of an address for what it publishes, and of the network it is in. */

import type { GatewayContext } from '../context.ts'
import { withRetryAfter } from '../nostr/machine-readable.ts'
import { Refusal } from '../nostr/refusal.ts'
import { forNetwork, networkKey } from '../nostr/requester.ts'
import type { KeyPackageStore, Quota, QuotaOutcome } from '../store.ts'
import { orUnavailable } from './answers.ts'

/** What is counted, and in words. */
interface AddressQuota {
  readonly name: string
  readonly what: string
  readonly quota: Quota
}

/**
 * Anybody can send an event that an author signed. A sender not authenticated as the author is charged to their own quota.
 * @throws Refusal `rate-limited`
 */
export async function countByAddress(context: GatewayContext, address: string, at: number): Promise<void> {
  await orUnavailable(context, () => hitByAddress(context.store, ofPublisher(context), address, at))
}

/** Known events are not counted: clients send their packages again to be sure. No answer waits for it (I7). */
export async function uncountByAddress(context: GatewayContext, address: string, at: number): Promise<void> {
  const { store, log } = context
  try {
    await refundByAddress(store, ofPublisher(context), address, at)
  } catch (error) {
    log.error({ err: error }, 'the store failed to refund a quota; a known key package stays counted')
  }
}

/**
 * Counts one in the windows of the address and of its network. Rejects when the store does.
 * @throws Refusal `rate-limited` if one has no room; then neither counts it
 */
export async function hitByAddress(
  store: KeyPackageStore,
  { name, what, quota }: AddressQuota,
  address: string,
  at: number,
): Promise<void> {
  const windows = windowsOf(name, address, quota)
  const hits = await Promise.all(
    windows.map(async (window) => ({ window, ...(await store.hit(window.key, 1, window.quota, at)) })),
  )
  const [refused] = hits
    .filter(({ granted }) => granted === 0)
    .sort((one, other) => other.retryAfterSeconds - one.retryAfterSeconds)
  if (refused === undefined) return
  const granted = hits.filter((hit) => hit.granted > 0)
  await Promise.all(granted.map(({ window }) => store.refund(window.key, 1, window.quota, at)))
  throw rateLimited(what, refused.window, refused)
}

/** Gives back what `hitByAddress` has counted. Rejects when the store does. */
export async function refundByAddress(
  store: KeyPackageStore,
  { name, quota }: AddressQuota,
  address: string,
  at: number,
): Promise<void> {
  const windows = windowsOf(name, address, quota)
  await Promise.all(windows.map((window) => store.refund(window.key, 1, window.quota, at)))
}

interface AddressWindow {
  readonly key: string
  readonly quota: Quota
  readonly of: 'address' | 'network'
}

function windowsOf(name: string, address: string, quota: Quota): AddressWindow[] {
  const own: AddressWindow = { key: `${name} ${address}`, quota, of: 'address' }
  const network = networkKey(address)
  if (network === undefined) return [own]
  return [own, { key: `${name} ${network}`, quota: forNetwork(quota), of: 'network' }]
}

function ofPublisher({ options }: GatewayContext): AddressQuota {
  return { name: 'publisher', what: 'key packages', quota: options.quota.publishPerAddress }
}

function rateLimited(
  what: string,
  { quota, of }: AddressWindow,
  { retryAfterSeconds }: QuotaOutcome,
): Refusal {
  const reason = `${quota.max} ${what} per ${quota.windowSeconds} s from one ${of}`
  return new Refusal('rate-limited', withRetryAfter(reason, retryAfterSeconds))
}
