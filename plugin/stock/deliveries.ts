/** The recent deliveries of one author's packages: which can be repeated, and what is left when one is undone. Pure. */

import type { EventId } from '../nostr/messages.ts'
import type { Claim, ClaimPolicy, StockedPackage } from '../store.ts'

/** How long a claim can be undone, in seconds: longer than any socket takes to say that it is gone. */
const RELEASE_SECONDS = 60

/** A claim that was answered, remembered until `keptUntil`. */
export interface Delivery<Package extends StockedPackage = StockedPackage> {
  readonly requester: string
  readonly deliveredAt: number
  readonly keptUntil: number
  /** How often it was sent: once, and once more for each redelivery. */
  readonly times: number
  /** The packages it spent, as they were before. */
  readonly spent: readonly Package[]
  /** The last package, which it delivered and left in the stock. */
  readonly last?: EventId
}

/** What a claim delivers now. A last package is remembered only to be repeated: undoing needs no more than its exposure. */
export function deliveryOf<Package extends StockedPackage>(
  spent: readonly Package[],
  last: StockedPackage | undefined,
  { requester }: Claim,
  { redeliverySeconds }: ClaimPolicy,
  now: number,
): Delivery<Package> {
  const delivery = {
    requester,
    deliveredAt: now,
    keptUntil: deliveryKeptUntil(redeliverySeconds, now),
    times: 1,
    spent,
  }
  return last === undefined || redeliverySeconds === 0 ? delivery : { ...delivery, last: last.id }
}

/** Until when a claim that is answered now can be repeated or undone. */
export function deliveryKeptUntil(redeliverySeconds: number, now: number): number {
  return now + Math.max(redeliverySeconds, RELEASE_SECONDS)
}

/** The deliveries with a new one, if there is anything in it to repeat or undo. */
export function remember<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  delivery: Delivery<Package>,
): readonly Delivery<Package>[] {
  return isWorthKeeping(delivery) ? [...deliveries, delivery] : deliveries
}

/** The newest delivery to this requester that is young enough to be repeated. */
export function findRepeatable<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  request: Claim,
  { redeliverySeconds }: ClaimPolicy,
  now: number,
): Delivery<Package> | undefined {
  return deliveries.findLast(
    ({ requester, deliveredAt }) => requester === request.requester && deliveredAt + redeliverySeconds > now,
  )
}

/** The deliveries once one of them was sent again. */
export function repeat<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  repeated: Delivery<Package>,
): Delivery<Package>[] {
  return deliveries.map((delivery) =>
    delivery === repeated ? { ...delivery, times: delivery.times + 1 } : delivery,
  )
}

/** Undoes the newest delivery of each package. `restored` are those of them that nobody else was sent. */
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

/** The deliveries without packages that are gone for good. */
export function forget<Package extends StockedPackage>(
  deliveries: readonly Delivery<Package>[],
  isGone: (pkg: StockedPackage) => boolean,
): Delivery<Package>[] {
  return deliveries
    .map((delivery) => ({ ...delivery, spent: delivery.spent.filter((pkg) => !isGone(pkg)) }))
    .filter(isWorthKeeping)
}

/**
 * A delivery once it was undone for `ids`: sent one time less, or without them where that was the only time. Where not
 * all that it spent is named, it was another delivery of the same last package: then what was sent stays counted (I1).
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
