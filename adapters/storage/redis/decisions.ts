/** The changes of an author's stock, decided by the rules of plugin/stock/. */

import { dueAt, heardOf } from '../../../plugin/stock/bookkeeping.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import { offer } from '../../../plugin/stock/offer.ts'
import { drop, type Removed, release, spend, sweep } from '../../../plugin/stock/stock.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KnownName,
  PutOutcome,
  Selector,
  StockLimits,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import type { Draft, Needs } from './draft.ts'
import { type AuthorKeys, keyPart } from './keys.ts'
import type { RowedPackage } from './layout.ts'

/** A change of an author. It is decided again on the new state if another client changed the author first. */
export interface Change<Outcome> {
  readonly needs: Needs
  /** In seconds since the epoch. */
  readonly now: number
  /** Whether the next sweep must visit the author. */
  readonly isDue?: boolean
  /** Whether it should try the fast path again instead of waiting. */
  readonly mayBeFast?: boolean
  /** Whether its caller is no longer waiting. */
  isAbandoned?(): boolean
  decide(draft: Draft): Decision<Outcome>
}

export interface Decision<Outcome> {
  readonly outcome: Outcome
  readonly removed: readonly Removed[]
  /** The packages whose events the outcome needs. */
  readonly delivered?: readonly RowedPackage[]
}

const NOTHING_REMOVED: readonly Removed[] = []

export function putting(
  keys: AuthorKeys,
  pkg: StoredKeyPackage,
  limits: StockLimits,
  now: number,
): Change<PutOutcome> {
  return {
    now,
    isDue: true,
    needs: { names: [pkg.id, pkg.ref], windows: limits.publish === undefined ? [] : [keys.published] },
    decide(draft) {
      const { stock, published, names, outcome, removed } = offer(
        draft.stock,
        draft.window(keys.published),
        draft.rowed(pkg),
        (name) => draft.knownUntil(name),
        limits,
        now,
      )
      draft.stock = stock
      if (
        published !== undefined &&
        limits.publish !== undefined &&
        published !== draft.window(keys.published)
      )
        draft.keepWindow(keys.published, published, limits.publish.windowSeconds)
      draft.remember(names)
      if (names.length > 0) draft.forgetNames(now)
      return { outcome, removed }
    },
  }
}

export function claiming(
  keys: AuthorKeys,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Change<ClaimOutcome<RowedPackage>> {
  const [ofRequester, ofAddress] = [keys.requester(request.requester), keys.address(request.address)]
  const known = { ...request, requester: keyPart(request.requester) }
  return {
    now,
    needs: { windows: [ofRequester, ofAddress] },
    decide(draft) {
      const before = { requester: draft.window(ofRequester), address: draft.window(ofAddress) }
      const { stock, windows, choice, removed } = claim(draft.stock, before, known, policy, now)
      draft.stock = stock
      if (windows !== undefined) {
        draft.keepWindow(ofRequester, windows.requester, requesterWindowSeconds(policy))
        draft.keepWindow(ofAddress, windows.address, policy.perAddress.windowSeconds)
      }
      if (choice.outcome !== 'delivered') return { outcome: choice, removed }
      return { outcome: choice, removed, delivered: choice.packages }
    },
  }
}

/** The fast path also uses this window to see whether a claim may be repeated, so it must last as long. */
export function requesterWindowSeconds({ perAuthor, redeliverySeconds }: ClaimPolicy): number {
  return Math.max(perAuthor.windowSeconds, redeliverySeconds)
}

export function dropping(which: Selector, now: number): Change<number> {
  return {
    now,
    needs: {},
    decide(draft) {
      if (draft.stock === undefined) return { outcome: 0, removed: NOTHING_REMOVED }
      const { stock, dropped, removed } = drop(draft.stock, which, now)
      draft.stock = stock
      return { outcome: dropped, removed }
    },
  }
}

export function releasing(ids: readonly string[], now: number): Change<void> {
  return {
    now,
    isDue: true,
    needs: {},
    decide(draft) {
      if (draft.stock === undefined) return { outcome: undefined, removed: NOTHING_REMOVED }
      const { stock, removed } = release(draft.stock, ids, now)
      draft.stock = stock
      return { outcome: undefined, removed }
    },
  }
}

export function spending(spent: readonly KnownName[], now: number): Change<void> {
  return {
    now,
    isDue: true,
    needs: { names: spent.map(({ name }) => name) },
    decide(draft) {
      const { stock, names, removed } = spend(draft.stock, spent, (name) => draft.knownUntil(name), now)
      draft.stock = stock
      draft.remember(names)
      return { outcome: undefined, removed }
    },
  }
}

/** How many packages were removed, and when the next sweep is due; undefined if nothing is left. */
export interface Swept {
  readonly gone: number
  readonly dueAt: number | undefined
}

export function sweeping(retireAfterSeconds: number, now: number): Change<Swept> {
  return {
    now,
    needs: { namesAfter: now },
    decide(draft) {
      if (draft.stock === undefined)
        return { outcome: { gone: 0, dueAt: undefined }, removed: NOTHING_REMOVED }
      const { stock, removed } = sweep(draft.stock, retireAfterSeconds, now)
      const firstName = draft.firstNameOver(now)
      draft.stock = heardOf(stock, firstName === undefined ? 0 : 1)
      draft.forgetNames(now)
      const times = [dueAt(stock, retireAfterSeconds), firstName].filter((time) => time !== undefined)
      const soonest = times.length === 0 ? undefined : Math.min(...times)
      return { outcome: { gone: removed.length, dueAt: soonest }, removed }
    },
  }
}
