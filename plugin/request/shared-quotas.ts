/** The quotas over all authors: what a REQ reserves in them before it claims, and what it gets back. */

import type { GatewayContext } from '../context.ts'
import { forNetwork } from '../nostr/requester.ts'
import type { Options } from '../options.ts'
import { isForSlotsAlone } from '../stock/selection.ts'
import type { Claim, LimitedClaim, Quota, QuotaOutcome } from '../store.ts'

/** A window over all authors. */
export interface SharedWindow {
  readonly by: 'perRequester' | 'perAddressTotal' | 'slotsPerRequester' | 'slotsPerAddress'
  readonly key: string
  readonly quota: Quota
}

/** How many claims have room, and why the others have none. */
export interface Reservation {
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
      ...ofAddress('slotsPerAddress', 'slots-from', first, quota.slotsPerAddress),
    ],
    claims: claims.filter(isForSlotsAlone),
  }
  const others: ClaimGroup = {
    windows: [
      { by: 'perRequester', key: `requester ${requester}`, quota: quota.perRequester },
      ...ofAddress('perAddressTotal', 'claims-from', first, quota.perAddressTotal),
    ],
    claims: claims.filter((claim) => !isForSlotsAlone(claim)),
  }
  return [others, forSlots].filter((group) => group.claims.length > 0)
}

/** The windows of an address and of the network it is in. */
function ofAddress(
  by: SharedWindow['by'],
  name: string,
  { address, network }: Claim,
  quota: Quota,
): SharedWindow[] {
  const own = { by, key: `${name} ${address}`, quota }
  return network === undefined ? [own] : [own, { by, key: `${name} ${network}`, quota: forNetwork(quota) }]
}

/** Whether a REQ asks for nothing but slots of one author by their names. */
function isReadback([first, ...more]: readonly Claim[]): boolean {
  if (first === undefined || more.length > 0 || !isForSlotsAlone(first)) return false
  return first.narrowings.every(({ tags = [] }) => tags.some(([letter]) => letter === 'd'))
}

/** Reserves room for up to `cost` claims in every window. Rejects, with nothing reserved, when the store does. */
export async function reserve(
  context: GatewayContext,
  windows: readonly SharedWindow[],
  cost: number,
  now: number,
): Promise<Reservation> {
  const { store } = context
  const outcomes = await Promise.allSettled(
    windows.map(async (window) => {
      return { window, ...(await store.hit(window.key, cost, window.quota, now)) }
    }),
  )
  const hits = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  const granted = failed === undefined ? Math.min(cost, ...hits.map((hit) => hit.granted)) : 0
  for (const hit of hits) void refund(context, [hit.window], hit.granted - granted, now)
  if (failed !== undefined) throw failed.reason
  return { granted, limited: longest(hits.filter((hit) => hit.granted < cost)) }
}

/** Gives back what was reserved at `now` for claims that are not counted. No answer waits for it (I7). */
export async function refund(
  { store, log }: GatewayContext,
  windows: readonly SharedWindow[],
  cost: number,
  now: number,
): Promise<void> {
  if (cost === 0) return
  try {
    await Promise.all(windows.map(({ key, quota }) => store.refund(key, cost, quota, now)))
  } catch (error) {
    log.error({ err: error }, 'the store failed to refund a quota; claims that were not served stay counted')
  }
}

function longest(
  hits: readonly (QuotaOutcome & { readonly window: SharedWindow })[],
): LimitedClaim | undefined {
  const [first] = [...hits].sort((a, b) => b.retryAfterSeconds - a.retryAfterSeconds)
  if (first === undefined) return undefined
  return { outcome: 'limited', by: first.window.by, retryAfterSeconds: first.retryAfterSeconds }
}
