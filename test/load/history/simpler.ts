/**
 * What makes a search shorter and changes no verdict: seconds that make no difference are one, and states are the same if no operation
 * that is left can tell them apart.
 */

import type { State, Terms } from './model.ts'
import type { Operation } from './operation.ts'

/** The same operations, all at one second if all seconds lie so close together that nothing is over in between. */
export function atOneSecond(
  operations: readonly Operation[],
  { shortestSeconds }: Terms,
): readonly Operation[] {
  const all = operations.flatMap(({ seconds }) => seconds)
  const [first, last] = [Math.min(...all), Math.max(...all)]
  if (last - first >= shortestSeconds) return operations
  return operations.map((operation) => ({ ...operation, seconds: [first] }))
}

/** The same text for states that no operation of the history can tell apart. */
export function keysFor(operations: readonly Operation[], terms: Terms): (state: State) => string {
  const areQuotasReached = canReachQuotas(operations, terms)
  const { redeliverySeconds, strangers, freshPerAddress } = terms.policy
  const isRepeatable = redeliverySeconds > 0
  const isCounted = areQuotasReached || (strangers ?? freshPerAddress) !== undefined
  return ({ record, unreceived }) => {
    const released = unreceived.flatMap(({ ids }) => ids)
    const open = unreceived.map(({ ids, release, counted }) =>
      JSON.stringify([ids, release, isCounted && counted]),
    )
    if (record === undefined) return JSON.stringify(open.sort())
    const { packages, known, windows, published, deliveries, takes = [], ...rest } = record
    const relevant = deliveries.filter(
      ({ spent }) => isRepeatable || spent.some(({ id }) => released.includes(id)),
    )
    // Most lists of a record are in the order in which it was written.
    return JSON.stringify([
      packages
        .map(({ id, alias, exposure, receivedAt }) => JSON.stringify([id, alias, exposure, receivedAt]))
        .sort(),
      known.map(({ name }) => name).sort(),
      areQuotasReached && [Object.entries(windows).sort(([a], [b]) => (a < b ? -1 : 1)), published],
      takes.map((take) => JSON.stringify(take)).sort(),
      relevant.map(({ spent, ...delivery }) => [
        isRepeatable && delivery,
        delivery.times,
        spent.map(({ id }) => id),
      ]),
      rest,
      open.sort(),
    ])
  }
}

/** Whether so many claims or publications were begun that a window of the author may be full. */
function canReachQuotas(operations: readonly Operation[], { policy, limits }: Terms): boolean {
  const claims = operations.flatMap((operation) =>
    operation.do === 'claim' ? [operation.claim.requester] : [],
  )
  const published = operations.filter((operation) => operation.do === 'publish')
  const mostOfOne = Math.max(0, ...claims.map((name) => claims.filter((other) => other === name).length))
  return (
    mostOfOne > policy.perAuthor.max ||
    claims.length > policy.perAddress.max ||
    published.length > (limits.publish?.max ?? Number.POSITIVE_INFINITY)
  )
}
