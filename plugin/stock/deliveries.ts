/** The recent deliveries of one author's packages: which can be repeated, and what undoing one changes. Pure. */

import type { EventId } from '../nostr/messages.ts'
import type { Claim, ClaimPolicy, StockedPackage } from '../store.ts'

/** How long a claim can be undone, in seconds: longer than it takes to notice that a socket is closed. */
const RELEASE_SECONDS = 60

/** An answered claim, remembered until `keptUntil`. */
export interface Delivery<Package extends StockedPackage = StockedPackage> {
  /** The recipient, under the name that stores of earlier versions have for it. */
  readonly requester: string
  readonly deliveredAt: number
  readonly keptUntil: number
  /** How often it was sent: 1, plus 1 for each redelivery. */
  readonly times: number
  /** The packages it spent, in their state before the claim. */
  readonly spent: readonly Package[]
  /** The shared package, if it was delivered; it stayed in the stock. */
  readonly last?: EventId
}

/** The delivery of a claim made now. A shared package is recorded only for redelivery: undoing only needs its exposure. */
export function deliveryOf<Package extends StockedPackage>(
  spent: readonly Package[],
  shared: StockedPackage | undefined,
  request: Claim,
  { redeliverySeconds }: ClaimPolicy,
  now: number,
): Delivery<Package> {
  const delivery = {
    requester: recipientOf(request),
    deliveredAt: now,
    keptUntil: deliveryKeptUntil(redeliverySeconds, now),
    times: 1,
    spent,
  }
  return shared === undefined || redeliverySeconds === 0 ? delivery : { ...delivery, last: shared.id }
}

/** Who a delivery is made to. */
export function recipientOf({ recipient, requester }: Claim): string {
  return recipient ?? requester
}

/** Until when a claim answered now can be repeated or undone. */
export function deliveryKeptUntil(redeliverySeconds: number, now: number): number {
  return now + Math.max(redeliverySeconds, RELEASE_SECONDS)
}

/** Adds a delivery, if it contains anything to repeat or undo. */
export function withDelivery<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  delivery: Delivery<Package>,
): readonly Delivery<Package>[] {
  return isWorthKeeping(delivery) ? [...deliveries, delivery] : deliveries
}

/**
 * The newest delivery to this recipient, under either name, that is recent enough to be repeated. After the clock was stepped
 * back, deliveries lie ahead: those a little ahead are recent too, and those far ahead are repeated to nobody.
 */
export function findRepeatable<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  request: Claim,
  { redeliverySeconds }: ClaimPolicy,
  now: number,
): Delivery<Package> | undefined {
  const names = [recipientOf(request), request.formerly]
  return deliveries.findLast(
    ({ requester, deliveredAt }) =>
      names.includes(requester) && Math.abs(now - deliveredAt) < redeliverySeconds,
  )
}

/** Counts one more sending of a delivery, and keeps the present name of its recipient. */
export function repeat<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  repeated: Delivery<Package>,
  request: Claim,
): Delivery<Package>[] {
  return deliveries.map((delivery) =>
    delivery === repeated
      ? { ...delivery, requester: recipientOf(request), times: delivery.times + 1 }
      : delivery,
  )
}

/** Undoes the newest delivery of each package. `restored` are the packages that nobody else received. */
export function undo<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  ids: readonly string[],
): { deliveries: Delivery<Package>[]; restored: Package[] } {
  const undone = new Set(ids.map((id) => deliveries.findLast((delivery) => hasDelivered(delivery, id))))
  return {
    deliveries: deliveries.flatMap((delivery) =>
      undone.has(delivery) ? lessDelivered(delivery, ids) : delivery,
    ),
    restored: deliveries
      .filter((delivery) => undone.has(delivery) && delivery.times === 1)
      .flatMap(({ spent }) => spent.filter(({ id }) => ids.includes(id))),
  }
}

/** Removes packages that are permanently gone from the deliveries. */
export function forget<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  isGone: (pkg: StockedPackage) => boolean,
): Delivery<Package>[] {
  return deliveries
    .map((delivery) => ({ ...delivery, spent: delivery.spent.filter((pkg) => !isGone(pkg)) }))
    .filter(isWorthKeeping)
}

/**
 * A delivery after undoing it for `ids`. If it was sent once, those packages are removed from it. If it was sent more often,
 * `times` goes down by one, but only if `ids` names all packages that it spent. Otherwise another delivery of the same last
 * package was undone, and this one stays counted (I1).
 */
function lessDelivered<Package extends StockedPackage>(
  delivery: Delivery<Package>,
  ids: readonly string[],
): Delivery<Package>[] {
  const isWhole = delivery.spent.every(({ id }) => ids.includes(id))
  if (delivery.times > 1) return [{ ...delivery, times: delivery.times - Number(isWhole) }]
  const { last, ...rest } = { ...delivery, spent: delivery.spent.filter(({ id }) => !ids.includes(id)) }
  const left = last === undefined || ids.includes(last) ? rest : { ...rest, last }
  return isWorthKeeping(left) ? [left] : []
}

function hasDelivered({ spent, last }: Delivery, id: string): boolean {
  return last === id || spent.some((pkg) => pkg.id === id)
}

function isWorthKeeping({ spent, last }: Delivery): boolean {
  return spent.length > 0 || last !== undefined
}
