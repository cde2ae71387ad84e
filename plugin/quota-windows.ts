/** Quota windows over all authors: takes room in several of them at once, and gives it back. */

import type { GatewayContext } from './context.ts'
import { forNetwork } from './nostr/requester.ts'
import type { Claim, Quota, QuotaOutcome } from './store.ts'

/** One that the store keeps (`KeyPackageStore.hit`). */
export interface QuotaWindow {
  readonly key: string
  readonly quota: Quota
}

/** A window of an address, or of the network it is in. */
export interface AddressWindow extends QuotaWindow {
  readonly of: 'address' | 'network'
}

/** How much has room in every window; and the one whose room takes longest to come, where that is not all. */
export interface Reservation<Window extends QuotaWindow> {
  readonly granted: number
  readonly limiting: (QuotaOutcome & { readonly window: Window }) | undefined
}

type Parts = Pick<GatewayContext, 'store' | 'log'>

/** The windows of an address and of the network it is in, which may use ten times as much. */
export function addressWindows(
  name: string,
  { address, network }: Pick<Claim, 'address'> & { readonly network?: string | undefined },
  quota: Quota,
): AddressWindow[] {
  const own: AddressWindow = { key: `${name} ${address}`, quota, of: 'address' }
  if (network === undefined) return [own]
  return [own, { key: `${name} ${network}`, quota: forNetwork(quota), of: 'network' }]
}

/**
 * Takes room for up to `cost` in every window. Rejects, with nothing taken, when the store does.
 * @param loss what the log says when the store cannot give back what was taken in vain
 */
export async function reserve<Window extends QuotaWindow>(
  parts: Parts,
  windows: readonly Window[],
  cost: number,
  now: number,
  loss: string,
): Promise<Reservation<Window>> {
  const outcomes = await Promise.allSettled(
    windows.map(async (window) => {
      return { window, ...(await parts.store.hit(window.key, cost, window.quota, now)) }
    }),
  )
  const hits = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  const granted = failed === undefined ? Math.min(cost, ...hits.map((hit) => hit.granted)) : 0
  for (const hit of hits) void refund(parts, [hit.window], hit.granted - granted, now, loss)
  if (failed !== undefined) throw failed.reason
  const [limiting] = hits
    .filter((hit) => hit.granted < cost)
    .sort((one, other) => other.retryAfterSeconds - one.retryAfterSeconds)
  return { granted, limiting }
}

/** Gives back what was taken at `now`. No answer waits for it (I7). Never rejects. */
export async function refund(
  { store, log }: Parts,
  windows: readonly QuotaWindow[],
  cost: number,
  now: number,
  loss: string,
): Promise<void> {
  if (cost === 0) return
  try {
    await Promise.all(windows.map(({ key, quota }) => store.refund(key, cost, quota, now)))
  } catch (error) {
    log.error({ err: error }, `the store failed to refund a quota; ${loss}`)
  }
}
