/** Runs a history of one author against the pure rules, and records what happened. */

import type { Pubkey } from '../../plugin/nostr/messages.ts'
import { claim } from '../../plugin/stock/claim.ts'
import { offer } from '../../plugin/stock/offer.ts'
import { isForSlotsAlone } from '../../plugin/stock/selection.ts'
import {
  drop,
  EMPTY_STOCK,
  expire,
  type Removed,
  rank,
  release,
  type Stock,
  sweep,
} from '../../plugin/stock/stock.ts'
import {
  type ChangedWindows,
  type KeptWindow,
  uncountClaim,
  type WindowName,
  type WindowOf,
  windowsOf,
} from '../../plugin/stock/windows.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  PutOutcome,
  StockedPackage,
  StoredKeyPackage,
} from '../../plugin/store.ts'
import { authorNamed, NOW } from '../contract/index.ts'
import type { History, Step } from './histories.ts'

export const ALICE: Pubkey = authorNamed('alice')

/** One step and its effects. Fields that do not apply to its kind are absent. */
export interface Moment {
  readonly step: Step
  readonly now: number
  readonly before: Stock
  readonly after: Stock
  /** Packages that left the stock other than by a claim. */
  readonly removed: readonly Removed[]
  readonly offered?: { readonly pkg: StoredKeyPackage; readonly outcome: PutOutcome }
  readonly claimed?: Claimed
  /** The claim that this step released. */
  readonly released?: Claimed
}

interface Claimed {
  readonly request: Claim
  readonly policy: ClaimPolicy
  readonly choice: ClaimOutcome<StockedPackage>
  /** The claim windows before it. */
  readonly windowOf: WindowOf
  /** Seconds since the epoch. */
  readonly at: number
}

/** Every step that changes or could change the author's stock, in order. A claim is released at most once. */
export function play({ steps }: History): Moment[] {
  const simulation = new Simulation()
  return steps.flatMap((step) => simulation.take(step))
}

class Simulation {
  #now = NOW
  #stock: Stock = EMPTY_STOCK
  #published: KeptWindow | undefined
  /** Never forgotten here, so that a package that is stored twice is detected. */
  readonly #known = new Set<string>()
  readonly #windows = new Map<WindowName, KeptWindow>()
  readonly #undoable: Claimed[] = []

  take(step: Step): Moment[] {
    switch (step.do) {
      case 'wait':
        this.#now += step.seconds
        return []
      case 'put':
        return [this.#moment(step, this.#offer(step.pkg, step))]
      case 'claim':
        return step.claims.map((request) => this.#moment(step, this.#claim(request, step.policy)))
      case 'release': {
        const [released] = this.#undoable.splice(-1 - step.answersAgo, 1)
        if (released === undefined) return []
        const { choice } = released
        const ids = choice.outcome === 'delivered' ? choice.packages.map(({ id }) => id) : []
        const counted = step.givesBack ? this.#giveBack(released) : undefined
        const { stock, removed } = release(this.#stock, ids, this.#now, counted)
        return [this.#moment(step, { after: stock, removed, released })]
      }
      case 'drop':
        return [
          this.#moment(
            step,
            this.#changed(drop(this.#stock, step.deletion, (name) => this.#knownUntil(name), this.#now)),
          ),
        ]
      case 'sweep':
        return [this.#moment(step, this.#changed(sweep(this.#stock, step.retireAfterSeconds, this.#now)))]
      case 'rank':
        return [this.#moment(step, { after: rank(this.#stock, step.ranks), removed: [] })]
      case 'hit':
      case 'refund':
        return []
    }
  }

  #moment(step: Step, what: Omit<Moment, 'step' | 'now' | 'before'>): Moment {
    const moment = { step, now: this.#now, before: this.#stock, ...what }
    this.#stock = what.after
    return moment
  }

  #offer(
    pkg: StoredKeyPackage,
    { limits }: Extract<Step, { do: 'put' }>,
  ): Pick<Moment, 'after' | 'removed' | 'offered'> {
    const knownUntil = (name: string) => this.#knownUntil(name)
    const offered = offer(this.#stock, this.#published, pkg, knownUntil, limits, this.#now)
    const { published, names, forgotten, outcome } = offered
    this.#published = published ?? this.#published
    for (const { name } of names) this.#known.add(name)
    for (const name of forgotten) this.#known.delete(name)
    return { ...this.#changed(offered), offered: { pkg, outcome } }
  }

  #claim(request: Claim, policy: ClaimPolicy): Pick<Moment, 'after' | 'removed' | 'claimed'> {
    const windowOf: WindowOf = (name) => this.#windows.get(name)
    const before = new Map(windowsOf(request).map((name) => [name, windowOf(name)]))
    const answer = claim(this.#stock, windowOf, request, policy, this.#now)
    const { windows, choice } = answer
    this.#keep(windows ?? new Map())
    const claimed = {
      request,
      policy,
      choice,
      windowOf: (name: WindowName) => before.get(name),
      at: this.#now,
    }
    if (choice.outcome === 'delivered') this.#undoable.push(claimed)
    return { ...this.#changed(answer), claimed }
  }

  #giveBack({ request, policy, choice, at }: Claimed): CountedClaim | undefined {
    if (choice.outcome !== 'delivered' || !choice.counted || isForSlotsAlone(request)) return undefined
    const { freshTaken } = choice
    const counted = { ...request, policy, freshTaken, at }
    this.#keep(uncountClaim((name) => this.#windows.get(name), counted))
    return counted
  }

  #keep(changed: ChangedWindows): void {
    for (const [name, window] of changed) {
      if (window === undefined) this.#windows.delete(name)
      else this.#windows.set(name, window)
    }
  }

  #knownUntil(name: string): number | undefined {
    return this.#known.has(name) ? Number.POSITIVE_INFINITY : undefined
  }

  #changed({
    stock,
    removed,
  }: {
    stock: Stock | undefined
    removed: readonly Removed[]
  }): Pick<Moment, 'after' | 'removed'> {
    return { after: stock ?? this.#stock, removed }
  }
}

/** The packages of an author that have not expired. */
export function valid(stock: Stock, now: number): Stock['packages'] {
  return expire(stock, now).packages
}
