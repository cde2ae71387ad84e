/** I5: no requester exceeds a quota. What is counted here, the server must have counted; it may have counted more. */

import type { Quota } from '../../../../plugin/store.ts'
import { type CountedWindow, excessOf } from './counted-window.ts'
import { freshTakes } from './fresh-takes.ts'
import {
  groupedBy,
  type Interval,
  type Observations,
  ONE_TIME,
  type Published,
  type Violation,
} from './observations.ts'
import type { Policy } from './policy.ts'

export interface QuotaFindings {
  readonly violations: readonly Violation[]
  /** Windows that were looked at, and of these, how many were full. */
  readonly windows: number
  readonly full: number
}

/** What one quota counts, under the name that it counts it by. */
interface Counted {
  readonly name: string
  readonly event: Interval
}

export function judgeQuotas(seen: Observations, policy: Policy): QuotaFindings {
  const claims = countedClaims(seen)
  const ofOneTime = claims.filter(({ isForSlots }) => !isForSlots)
  const ofSlots = claims.filter(({ isForSlots }) => isForSlots)
  const stored = seen.published.filter(({ outcome }) => outcome === 'stored')
  const byOthers = stored.filter(({ isByAuthor }) => !isByAuthor)
  const counted: readonly (readonly [string, Quota, readonly Counted[]])[] = [
    [
      'perAuthor',
      policy.perAuthor,
      ofOneTime.map(named(({ requester, author }) => `${author} by ${requester}`)),
    ],
    [
      'perAddress',
      policy.perAddress,
      ofOneTime.map(named(({ address, author }) => `${author} from ${address}`)),
    ],
    ['perRequester', policy.perRequester, ofOneTime.map(named(({ requester }) => requester))],
    ['perAddressTotal', policy.perAddressTotal, ofOneTime.map(named(({ address }) => address))],
    ['slotsPerRequester', policy.slotsPerRequester, ofSlots.map(named(({ requester }) => requester))],
    ['slotsPerAddress', policy.slotsPerAddress, ofSlots.map(named(({ address }) => address))],
    ['publish', policy.publish, stored.map(named(({ author }) => author))],
    ['publishPerAddress', policy.publishPerAddress, byOthers.map(named(({ address }) => address))],
    [
      'newAuthorsPerAddress',
      policy.newAuthorsPerAddress,
      firstOfEach(stored).map(named(({ address }) => address)),
    ],
  ]
  const windows = counted.flatMap(([what, quota, events]): CountedWindow[] =>
    [...groupedBy(events, ({ name }) => name)].map(([name, group]) => {
      return { name: `${what}: ${name}`, quota, events: group.map(({ event }) => event) }
    }),
  )
  const all = [...windows, ...freshTakes(seen, policy)]
  return {
    violations: all.flatMap(excessOf),
    windows: all.length,
    full: all.filter(({ events, quota }) => events.length >= quota.max).length,
  }
}

function named<Event extends Interval>(nameOf: (event: Event) => string): (event: Event) => Counted {
  return (event) => ({ name: nameOf(event), event })
}

interface CountedClaim extends Interval {
  readonly author: string
  readonly requester: string
  readonly address: string
  /** Then it is in windows of its own. */
  readonly isForSlots: boolean
}

/** One for each author that was served: not where a requester got nothing but what they were delivered before. */
function countedClaims({ claimed, sighted, published }: Observations): CountedClaim[] {
  const aliases = new Set(published.filter(({ isTwin }) => isTwin).map(({ id }) => id))
  const pushed = new Set(sighted.filter(({ isPush }) => isPush).map(({ id }) => id))
  const had = new Map<string, Set<string>>()
  return claimed
    .toSorted((a, b) => a.answeredAt - b.answeredAt)
    .flatMap((claim) => {
      const { requester, address, delivered, kinds, sentAt, answeredAt, outcome, person } = claim
      const before = had.get(requester) ?? new Set()
      const groups = groupedBy(delivered, ({ author }) => author)
      const served = [...groups].filter(([author, packages]) => {
        if (outcome === 'unknown' || author === person) return false
        const isRepeatable = ({ id, kind }: (typeof packages)[number]) =>
          (kind !== ONE_TIME || aliases.has(id)) && (before.has(id) || pushed.has(id))
        return !packages.every(isRepeatable)
      })
      for (const { id } of delivered) before.add(id)
      had.set(requester, before)
      const isForSlots = !kinds.includes(ONE_TIME)
      return served.map(([author]) => ({ author, requester, address, isForSlots, sentAt, answeredAt }))
    })
}

function firstOfEach(stored: readonly Published[]): Published[] {
  return [...groupedBy(stored, ({ author }) => author).values()].map((events) =>
    events.reduce((one, other) => (other.answeredAt < one.answeredAt ? other : one)),
  )
}
