/** What holds of one author's stock through any random history of it. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { EventId } from '../../../plugin/nostr/messages.ts'
import { dueAt, unneededEvents } from '../../../plugin/stock/bookkeeping.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import { recipientOf } from '../../../plugin/stock/deliveries.ts'
import {
  isAskedFor,
  isForSlotsAlone,
  isFresh,
  isOneTime,
  isSlot,
  sizeOf,
} from '../../../plugin/stock/selection.ts'
import { type Removed, release, type Stock, settle } from '../../../plugin/stock/stock.ts'
import type { Quota, StockedPackage } from '../../../plugin/store.ts'
import { NOW, packageNamed, slotNamed } from '../../contract/index.ts'
import { histories } from '../../support/histories.ts'
import { ALICE, type Moment, play, valid } from '../../support/simulation.ts'

describe('the stock of one author, whatever happens to it', () => {
  it('hands a package to one requester only, unless it was the last each time (I1)', () => {
    inEveryHistory((moments) => {
      for (const [, deliveries] of deliveriesById(moments)) {
        if (deliveries.length > 1) expect(deliveries.every(({ wasLast }) => wasLast)).toBe(true)
      }
    })
  })

  it('is never emptied by a claim (I2)', () => {
    atEveryMoment(({ claimed, before, after, now }) => {
      if (claimed === undefined) return
      const had = valid(before, now).filter(isOneTime)
      const has = valid(after, now).filter(isOneTime)
      expect(has.length).toBeGreaterThanOrEqual(Math.min(1, had.length))
    })
  })

  it('never takes a spent package back, unless its claim was released (I3)', () => {
    atEveryMoment(({ before, after, offered, released, step }) => {
      const back = idsOf(after).filter((id) => !idsOf(before).includes(id) && !isReturned(id, after, offered))
      if (step.do === 'put') expect(back).toEqual(wasStored(offered) ? [offered?.pkg.id] : [])
      else if (released === undefined) expect(back).toEqual([])
    })
    inEveryHistory((moments) => {
      const stored = moments.flatMap(({ offered }) => (wasStored(offered) && offered ? [offered.pkg] : []))
      const oneTime = stored.filter((pkg) => !isSlot(pkg))
      expect(new Set(oneTime.map(({ id }) => id)).size).toBe(oneTime.length)
      expect(new Set(oneTime.map(({ ref }) => ref)).size).toBe(oneTime.length)
    })
  })

  it('takes a slot back only if it was evicted, and brings nothing back that was deleted (I3)', () => {
    inEveryHistory((moments) => {
      for (const [index, { offered }] of moments.entries()) {
        if (!wasStored(offered) || offered === undefined) continue
        const earlier = moments
          .slice(0, index)
          .filter((moment) => idsOf(moment.after).includes(offered.pkg.id))
        const left = moments
          .slice(0, index)
          .flatMap(({ removed }) => removed.filter(({ id }) => id === offered.pkg.id))
        if (earlier.length > 0) expect(left.at(-1)?.why).toBe('evicted')
      }
    })
  })

  it('stores nothing that a remembered deletion covers (I3)', () => {
    inEveryHistory((moments) => {
      for (const [index, { offered, now }] of moments.entries()) {
        if (!wasStored(offered) || offered === undefined) continue
        for (const { step } of moments.slice(0, index)) {
          if (step.do !== 'drop' || step.deletion.keptUntil <= now) continue
          const { ids = [], slots = [], everything, createdUntil } = step.deletion
          const { id, slot = '', createdAt } = offered.pkg
          expect(ids).not.toContain(id)
          if (createdAt <= createdUntil) expect([everything, slots.includes(slot)]).not.toContain(true)
        }
      }
    })
  })

  it('keeps an alias as long as its slot, which it counts for nothing beside', () => {
    atEveryMoment(({ after, claimed, now }) => {
      const current = valid(after, now)
      const refs = current.filter(isSlot).map(({ ref }) => ref)
      for (const { ref } of current.filter(({ alias }) => alias)) expect(refs).toContain(ref)
      expect(sizeOf(current)).toBe(current.length - current.filter(({ alias }) => alias).length)
      if (claimed?.choice.outcome !== 'delivered') return
      const kinds = new Set(claimed.choice.packages.map((pkg) => [isSlot(pkg), isOneTime(pkg)].join()))
      expect(kinds.size).toBe(1)
    })
  })

  it('answers no requester and no address more often than its quota allows (I5)', () => {
    inEveryHistory((moments) => {
      const givenBack = new Set(
        moments.flatMap(({ step, released }) => (step.do === 'release' && step.givesBack ? [released] : [])),
      )
      const answered = moments.flatMap(({ claimed, now }) =>
        claimed !== undefined && isCounted(claimed) && !givenBack.has(claimed) ? [{ ...claimed, now }] : [],
      )
      for (const { request, policy, now } of answered) {
        const of = (key: 'requester' | 'address') =>
          answered.filter((other) => other.request[key] === request[key]).map((other) => other.now)
        expect(countIn(of('requester'), policy.perAuthor, now)).toBeLessThanOrEqual(policy.perAuthor.max)
        expect(countIn(of('address'), policy.perAddress, now)).toBeLessThanOrEqual(policy.perAddress.max)
      }
    })
  })

  it('says truly how long a quota has to be waited for, and changes nothing meanwhile (I5)', () => {
    atEveryMoment(({ claimed, before, after, now }) => {
      if (claimed?.choice.outcome !== 'limited' || claimed.request.limited !== undefined) return
      expect(after).toBe(before)
      const { request, policy, windowOf, choice } = claimed
      const askAfter = (seconds: number) =>
        claim(before, windowOf, request, policy, now + seconds).choice.outcome
      expect(askAfter(choice.retryAfterSeconds - 1)).toBe('limited')
      expect(askAfter(choice.retryAfterSeconds)).not.toBe('limited')
    })
  })

  it('takes the fresh packages of its own share first: by rank, those without one last (section 7)', () => {
    let comparisons = 0
    atEveryMoment(({ claimed, before, after, now }) => {
      if (claimed?.choice.outcome !== 'delivered') return
      const delivered = claimed.choice.packages.map(({ id }) => id)
      const asked = valid(before, now).filter((pkg) => isFresh(pkg) && isAskedFor(pkg, claimed.request))
      const spent = asked.filter(({ id }) => delivered.includes(id) && !idsOf(after).includes(id))
      const left = asked.filter(({ id }) => !delivered.includes(id))
      for (const taken of spent) {
        for (const other of left.filter(({ lastResort }) => lastResort === taken.lastResort)) {
          expect(rankOf(taken) <= rankOf(other)).toBe(true)
          comparisons += 1
        }
      }
    })
    expect(comparisons).toBeGreaterThan(50)
  })

  it('is as before a claim once that is released', () => {
    atEveryMoment(({ claimed, before, after, now }) => {
      if (claimed?.choice.outcome !== 'delivered' || !isCounted(claimed)) return
      const ids = claimed.choice.packages.map(({ id }) => id)
      const settled = settle(before, claimed.policy.retireAfterSeconds, now)
      expect(byId(release(after, ids, now).stock)).toEqual(byId(settled))
    })
  })

  it('gives the same requester the same packages again within redeliverySeconds, spending nothing', () => {
    atEveryMoment(({ claimed, after, now }) => {
      if (claimed?.choice.outcome !== 'delivered' || claimed.policy.redeliverySeconds === 0) return
      if (!claimed.choice.packages.every(isOneTime)) return
      const { request, policy, windowOf, choice } = claimed
      const later = now + policy.redeliverySeconds - 1
      if (choice.packages.some(({ expiresAt }) => expiresAt <= later)) return
      const again = claim(settle(after, policy.retireAfterSeconds, now), windowOf, request, policy, now)
      expect(again.choice.outcome === 'delivered' && again.choice.packages.map(({ id }) => id)).toEqual(
        choice.packages.map(({ id }) => id),
      )
      expect(again.stock?.packages.map(({ id }) => id)).toEqual(idsOf(after))
    })
  })

  it('hands slots out without a change, and holds one package in each', () => {
    atEveryMoment(({ claimed, before, after, now }) => {
      const slots = after.packages.flatMap(({ slot }) => (slot === undefined ? [] : [slot]))
      expect(new Set(slots).size).toBe(slots.length)
      if (claimed === undefined) return
      expect(valid(after, now).filter(isSlot)).toEqual(valid(before, now).filter(isSlot))
    })
  })

  it('has at most one exposed package', () => {
    atEveryMoment(({ after }) => {
      expect(after.packages.filter(({ exposure }) => exposure !== undefined).length).toBeLessThanOrEqual(1)
    })
  })

  it('spends an exposed package by time only where two fresh ones stand beside it, long enough after', () => {
    atEveryMoment(({ step, before, after, removed, now }) => {
      for (const { id } of removed.filter(({ why }) => why === 'retired')) {
        const { exposure } = before.packages.find((pkg) => pkg.id === id) ?? {}
        expect((exposure?.since ?? now) + 600).toBeLessThanOrEqual(now)
        // A claim may have taken from them since.
        if (step.do === 'sweep') expect(after.packages.filter(isFresh).length).toBeGreaterThanOrEqual(2)
      }
    })
  })

  it('counts how often the last package was delivered, what was undone left out', () => {
    inEveryHistory((moments) => {
      const released = new Set(moments.map((moment) => moment.released))
      const delivered = moments.flatMap(({ claimed }) =>
        claimed?.choice.outcome === 'delivered' && claimed.choice.sharedUsed && !released.has(claimed)
          ? claimed.choice.packages.slice(-1)
          : [],
      )
      const left = moments.at(-1)?.after.packages ?? []
      for (const { id, exposure } of left.filter(({ alias }) => !alias)) {
        expect(exposure?.count ?? 0).toBe(delivered.filter((pkg) => pkg.id === id).length)
      }
    })
  })

  it('says of everything that goes otherwise than by a claim why it went, once', () => {
    atEveryMoment((moment) => {
      const { before, after, removed, now } = moment
      const left = new Set(idsOf(after))
      const delivered = new Set(deliveredIn(moment))
      const gone = idsOf(before).filter((id) => !left.has(id) && !delivered.has(id))
      expect(removed.map(({ id }) => id).sort()).toEqual(gone.sort())
      for (const { id, why } of removed) {
        const pkg = before.packages.find((known) => known.id === id)
        expect(reasonsOf(moment)).toContain(why)
        if (why === 'retired') expect(pkg?.exposure).toBeDefined()
        // An alias goes with its slot.
        const cause = pkg?.alias
          ? before.packages.find(({ ref, slot }) => slot !== undefined && ref === pkg.ref)
          : pkg
        const isExpired = [pkg, cause].some((each) => (each?.expiresAt ?? now) <= now)
        expect([why, why === 'expired']).toEqual([why, isExpired])
        if (why === 'replaced') expect(cause?.slot).toBe(moment.offered?.pkg.slot)
        if (why === 'evicted') expect(cause?.slot === undefined).toBe(moment.offered?.pkg.slot === undefined)
      }
    })
  })

  it('does not count slots among the two fresh ones beside an exposed package that retires', () => {
    const exposed = packageNamed('exposed', ALICE, { exposure: { since: NOW, count: 1 } })
    const slots = ['phone', 'desk'].map((slot) => slotNamed(slot, ALICE, slot))
    const stock = { packages: [exposed, ...slots, packageNamed('fresh', ALICE)], deliveries: [] }
    expect(settle(stock, 600, NOW + 600)).toBe(stock)
  })

  it('changes by itself when dueAt says so, and not before', () => {
    atEveryMoment(({ after, now }) => {
      const settled = settle(after, 600, now)
      const due = dueAt(settled, 600)
      if (due === undefined) return expect(settle(settled, 600, now + 1e9)).toBe(settled)
      expect(settle(settled, 600, due - 1)).toBe(settled)
      expect(settle(settled, 600, due)).not.toBe(settled)
    })
  })

  it('forgets only what nothing can bring back', () => {
    atEveryMoment(({ before, after, now }) => {
      const gone = new Set<EventId>(unneededEvents(before, after))
      const reachable = after.deliveries.flatMap(({ spent }) => spent)
      const returned = release(after, [...gone], now).stock.packages
      const needed = [...after.packages, ...reachable, ...returned].filter(({ id }) => gone.has(id))
      expect(needed).toEqual([])
    })
  })
})

const RUNS = { seed: 9420, numRuns: 150 }
const played = fc.sample(histories([ALICE]), RUNS).map(play)

/** The histories are made and played once for all checks. One that fails is made again, for fast-check to shorten it. */
function inEveryHistory(check: (moments: readonly Moment[]) => void): void {
  try {
    for (const moments of played) check(moments)
  } catch (failure) {
    fc.assert(
      fc.property(histories([ALICE]), (history) => check(play(history))),
      RUNS,
    )
    throw failure
  }
}

function atEveryMoment(check: (moment: Moment) => void): void {
  inEveryHistory((moments) => {
    for (const moment of moments) check(moment)
  })
}

function deliveredIn({ claimed }: Moment): EventId[] {
  return claimed?.choice.outcome === 'delivered' ? claimed.choice.packages.map(({ id }) => id) : []
}

/** Why a package may go in a step of this kind. */
function reasonsOf({ step, offered }: Moment): Removed['why'][] {
  switch (step.do) {
    case 'put':
      return ['expired', 'retired', offered?.outcome === 'replaced' ? 'replaced' : 'evicted']
    case 'drop':
      return ['expired', 'deleted']
    case 'release':
      return ['expired']
    default:
      return ['expired', 'retired']
  }
}

interface FirstDelivery {
  readonly recipient: string
  readonly wasLast: boolean
}

/** To whom each package without a slot went first, released claims left out. */
function deliveriesById(moments: readonly Moment[]): Map<EventId, FirstDelivery[]> {
  const released = new Set(moments.map((moment) => moment.released))
  const log = new Map<EventId, FirstDelivery[]>()
  for (const { claimed } of moments) {
    if (claimed?.choice.outcome !== 'delivered' || released.has(claimed)) continue
    const { request, choice } = claimed
    for (const { id } of choice.packages.filter(isOneTime)) {
      const earlier = log.get(id) ?? []
      const wasLast = choice.sharedUsed && id === choice.packages.at(-1)?.id
      const names = [recipientOf(request), request.formerly]
      if (earlier.some(({ recipient }) => names.includes(recipient))) continue
      log.set(id, [...earlier, { recipient: recipientOf(request), wasLast }])
    }
  }
  return log
}

function countIn(times: readonly number[], { windowSeconds }: Quota, now: number): number {
  return times.filter((at) => at <= now && at > now - windowSeconds).length
}

/** Whether a package is there again as the alias of a slot that has just come: it was claimed a moment before. */
function isReturned(id: EventId, { packages }: Stock, offered: Moment['offered']): boolean {
  return packages.some(
    (pkg) => pkg.id === id && pkg.alias === true && pkg.ref === offered?.pkg.ref && pkg.id !== offered.pkg.id,
  )
}

/** Whether quotas count a claim. */
function isCounted({ request, choice }: NonNullable<Moment['claimed']>): boolean {
  return choice.outcome === 'delivered' && choice.counted && !isForSlotsAlone(request)
}

function wasStored(offered: Moment['offered']): boolean {
  return offered?.outcome === 'stored' || offered?.outcome === 'replaced'
}

function idsOf({ packages }: Stock): EventId[] {
  return packages.map(({ id }) => id)
}

function byId({ packages }: Stock): StockedPackage[] {
  return packages.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

/** Histories have packages with the rank `~`, which is as good as none. */
function rankOf({ rank = '~' }: StockedPackage): string {
  return rank
}
