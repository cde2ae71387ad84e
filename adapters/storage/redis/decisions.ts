/** The changes of an author's stock, decided by the rules of plugin/stock/. */

import type { EventId } from '../../../plugin/nostr/messages.ts'
import { dueAt, heardOf } from '../../../plugin/stock/bookkeeping.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import { recipientOf } from '../../../plugin/stock/deliveries.ts'
import { namesAskedOf, offer } from '../../../plugin/stock/offer.ts'
import { drop, type Removed, rank, release, remember, sweep } from '../../../plugin/stock/stock.ts'
import {
  type KeptWindow,
  uncountClaim,
  type WindowName,
  type WindowOf,
  windowsOf,
} from '../../../plugin/stock/windows.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  Deletion,
  DropOutcome,
  PutOutcome,
  Remembered,
  StockLimits,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import type { Draft, Needs } from './draft.ts'
import { keyPart } from './keys.ts'
import type { RowedPackage } from './layout.ts'
import { requesterSeconds, termsOf } from './terms.ts'
import { windowField } from './windows.ts'

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

export function putting(pkg: StoredKeyPackage, limits: StockLimits, now: number): Change<PutOutcome> {
  return {
    now,
    isDue: true,
    needs: { names: namesAskedOf(pkg), ...(limits.publish && { published: 'window' }) },
    decide(draft) {
      const { stock, published, names, forgotten, outcome, removed } = offer(
        draft.stock,
        draft.published,
        draft.rowed({ ...pkg, receivedAt: pkg.receivedAt ?? now }),
        (name) => draft.knownUntil(name),
        limits,
        now,
      )
      draft.stock = stock
      if (published !== undefined && limits.publish !== undefined && published !== draft.published)
        draft.keepPublished(published, limits.publish.windowSeconds)
      draft.remember(names)
      draft.forget(forgotten)
      if (names.length > 0) draft.forgetExpired(now)
      return { outcome, removed }
    },
  }
}

export function claiming(
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): Change<ClaimOutcome<RowedPackage>> {
  const { formerly } = request
  const known = {
    ...request,
    ...asKept(request),
    recipient: keyPart(recipientOf(request)),
    ...(formerly !== undefined && { formerly: keyPart(formerly) }),
  }
  return {
    now,
    needs: { windows: claimWindowsOf(request) },
    decide(draft) {
      const { stock, windows, choice, removed } = claim(draft.stock, windowIn(draft), known, policy, now)
      draft.stock = stock
      draft.terms = termsOf(policy)
      for (const [name, window] of windows ?? []) {
        const keptUntil = now + windowSeconds(name, policy)
        draft.windows.keep(windowField(name), window && { ...window, keptUntil })
      }
      if (choice.outcome !== 'delivered') return { outcome: choice, removed }
      return { outcome: choice, removed, delivered: choice.packages }
    },
  }
}

/** Whose claims a claim is counted with. */
type Claimant = Pick<Claim, 'requester' | 'address' | 'network'>

/** The same, in texts that can stand in a key. */
function asKept({ requester, address, network }: Claimant): Claimant {
  return {
    requester: keyPart(requester),
    address: keyPart(address),
    ...(network !== undefined && { network: keyPart(network) }),
  }
}

/** The fields of the windows that a claim is counted in: of the requester, the address and the network, if there is one. */
export function claimWindowsOf(claimant: Claimant): string[] {
  return windowsOf(asKept(claimant)).map(windowField)
}

function windowIn(draft: Draft): WindowOf {
  return (name) => draft.windows.of(windowField(name))
}

function windowSeconds(name: WindowName, policy: ClaimPolicy): number {
  return isOfRequester(name) ? requesterSeconds(policy) : policy.perAddress.windowSeconds
}

function isOfRequester(name: WindowName): boolean {
  return name.startsWith('requester ')
}

export function dropping(deletion: Deletion, now: number): Change<DropOutcome> {
  return {
    now,
    isDue: true,
    needs: { names: deletion.ids ?? [] },
    decide(draft) {
      const knownUntil = (name: string) => draft.knownUntil(name)
      const { stock, outcome, removed } = drop(draft.stock, deletion, knownUntil, now)
      draft.stock = stock
      return { outcome, removed }
    },
  }
}

export function releasing(
  ids: readonly string[],
  now: number,
  counted: CountedClaim | undefined,
): Change<void> {
  const known = counted && { ...counted, ...asKept(counted) }
  return {
    now,
    isDue: true,
    needs: { windows: counted === undefined ? [] : claimWindowsOf(counted) },
    decide(draft) {
      if (known !== undefined) uncount(draft, known)
      if (draft.stock === undefined) return { outcome: undefined, removed: NOTHING_REMOVED }
      const { stock, removed } = release(draft.stock, ids, now, known)
      draft.stock = stock
      return { outcome: undefined, removed }
    },
  }
}

/** Gives back what a claim counted in the author's windows. */
function uncount(draft: Draft, counted: CountedClaim): void {
  const before = windowIn(draft)
  for (const [name, after] of uncountClaim(before, counted)) {
    if (after === before(name)) continue
    const window = isOfRequester(name) ? withNewest(before(name), after) : after
    draft.windows.keep(windowField(name), window)
  }
}

/**
 * The window after a claim was given back, with a record of no cost at the time of its newest: the fast path sees from that
 * time whether the requester may have a claim to repeat.
 */
function withNewest(before: KeptWindow | undefined, after: KeptWindow | undefined): KeptWindow | undefined {
  const newest = before?.window.at(-1)?.[0]
  if (before === undefined || newest === undefined || newest === after?.window.at(-1)?.[0]) return after
  return { ...before, window: [...(after?.window ?? []), [newest, 0]] }
}

export function remembering(remembered: Remembered, now: number): Change<void> {
  return {
    now,
    isDue: true,
    needs: { names: remembered.names.map(({ name }) => name) },
    decide(draft) {
      const knownUntil = (name: string) => draft.knownUntil(name)
      const { stock, names, removed } = remember(draft.stock, remembered, knownUntil, now)
      draft.stock = stock
      draft.remember(names)
      return { outcome: undefined, removed }
    },
  }
}

export function ranking(ranks: ReadonlyMap<EventId, string>, now: number): Change<void> {
  return {
    now,
    needs: {},
    decide(draft) {
      if (draft.stock !== undefined) draft.stock = rank(draft.stock, ranks)
      return { outcome: undefined, removed: NOTHING_REMOVED }
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
    needs: { namesAfter: now, followed: 'exists' },
    decide(draft) {
      if (draft.stock === undefined)
        return { outcome: { gone: 0, dueAt: undefined }, removed: NOTHING_REMOVED }
      const { stock, removed } = sweep(draft.stock, retireAfterSeconds, now)
      const firstName = draft.firstNameOver(now)
      draft.stock = heardOf(stock, firstName === undefined ? 0 : 1)
      if (stock.packages.length === 0) draft.forgetFollowed()
      draft.forgetExpired(now)
      draft.unschedule()
      const times = [dueAt(stock, retireAfterSeconds), firstName].filter((time) => time !== undefined)
      const soonest = times.length === 0 ? undefined : Math.min(...times)
      return { outcome: { gone: removed.length, dueAt: soonest }, removed }
    },
  }
}
