/** The quotas over all authors: what a REQ reserves in them before it claims, and what it gets back. */

import type { GatewayContext } from '../context.ts'
import type { Options } from '../options.ts'
import { addressWindows, type QuotaWindow, refund, reserve } from '../quota-windows.ts'
import { isForSlotsAlone } from '../stock/selection.ts'
import type { Claim, LimitedClaim } from '../store.ts'

/** A window over all authors. */
export interface SharedWindow extends QuotaWindow {
  readonly by: 'perRequester' | 'perAddressTotal' | 'slotsPerRequester' | 'slotsPerAddress'
}

/** How many claims have room, and why the others have none. */
export interface ReservedClaims {
  readonly granted: number
  readonly limited: LimitedClaim | undefined
}

/** Claims of one REQ that the same windows count. */
export interface ClaimGroup {
  readonly windows: readonly SharedWindow[]
  readonly claims: readonly Claim[]
}

/**
 * Slots are never used up, and clients ask for those of all their contacts at every start, so they have windows of their
 * own. A readback, by which a client checks that its own slot is stored, is not counted.
 */
export function groupByWindows(claims: readonly Claim[], { quota }: Options): ClaimGroup[] {
  const [first] = claims
  if (first === undefined) return []
  if (isReadback(claims)) return [{ windows: [], claims }]
  const { requester } = first
  const forSlots: ClaimGroup = {
    windows: [
      { by: 'slotsPerRequester', key: `slots ${requester}`, quota: quota.slotsPerRequester },
      ...addressWindows('slots-from', first, quota.slotsPerAddress).map(limiting('slotsPerAddress')),
    ],
    claims: claims.filter(isForSlotsAlone),
  }
  const others: ClaimGroup = {
    windows: [
      { by: 'perRequester', key: `requester ${requester}`, quota: quota.perRequester },
      ...addressWindows('claims-from', first, quota.perAddressTotal).map(limiting('perAddressTotal')),
    ],
    claims: claims.filter((claim) => !isForSlotsAlone(claim)),
  }
  return [others, forSlots].filter((group) => group.claims.length > 0)
}

function limiting(by: SharedWindow['by']): (window: QuotaWindow) => SharedWindow {
  return ({ key, quota }) => ({ by, key, quota })
}

/** Whether a REQ asks for nothing but slots of one author by their names. */
function isReadback([first, ...more]: readonly Claim[]): boolean {
  if (first === undefined || more.length > 0 || !isForSlotsAlone(first)) return false
  return first.narrowings.every(({ tags = [] }) => tags.some(([letter]) => letter === 'd'))
}

/** Reserves room for up to `cost` claims in every window. Rejects, with nothing reserved, when the store does. */
export async function reserveClaims(
  context: GatewayContext,
  windows: readonly SharedWindow[],
  cost: number,
  now: number,
): Promise<ReservedClaims> {
  const { granted, limiting } = await reserve(context, windows, cost, now, LOSS)
  if (limiting === undefined) return { granted, limited: undefined }
  const { window, retryAfterSeconds } = limiting
  return { granted, limited: { outcome: 'limited', by: window.by, retryAfterSeconds } }
}

/** Gives back what was reserved at `now` for claims that are not counted. No answer waits for it (I7). */
export function refundClaims(
  context: GatewayContext,
  windows: readonly SharedWindow[],
  cost: number,
  now: number,
): Promise<void> {
  return refund(context, windows, cost, now, LOSS)
}

const LOSS = 'claims that were not served stay counted'
