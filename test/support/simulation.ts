/** Plays a history of one author against the pure rules, and keeps a log of what happened. */

import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type { Removed } from '../../plugin/stock/changes.ts'
import {
  type Choice,
  claim,
  drop,
  EMPTY_STOCK,
  expire,
  offer,
  release,
  type Stock,
  sweep,
} from '../../plugin/stock/stock.ts'
import type { ClaimWindows, Window } from '../../plugin/stock/windows.ts'
import type { Claim, ClaimPolicy, PutOutcome, StoredKeyPackage } from '../../plugin/store.ts'
import { authorNamed, NOW } from '../contract/index.ts'
import type { History, Step } from './histories.ts'

export const ALICE: Pubkey = authorNamed('alice')

/** One step and what it did. The fields that a kind of step has nothing to say about are absent. */
export interface Moment {
  readonly step: Step
  readonly now: number
  readonly before: Stock
  readonly after: Stock
  /** What left the stock otherwise than by a claim. */
  readonly removed: readonly Removed[]
  readonly offered?: { readonly pkg: StoredKeyPackage; readonly outcome: PutOutcome }
  readonly claimed?: Claimed
  /** The claim that this step undid. */
  readonly released?: Claimed
}

interface Claimed {
  readonly request: Claim
  readonly policy: ClaimPolicy
  readonly choice: Choice
  readonly windows: ClaimWindows
}

/** Every step that changes or could change the author's stock, in order. A claim is released at most once. */
export function play({ steps }: History): Moment[] {
  const simulation = new Simulation()
  return steps.flatMap((step) => simulation.take(step))
}

class Simulation {
  #now = NOW
  #stock = EMPTY_STOCK
  #published: Window = []
  readonly #known = new Set<string>()
  readonly #windows = new Map<string, Window>()
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
        const { stock, removed } = release(this.#stock, ids, this.#now)
        return [this.#moment(step, { after: stock, removed, released })]
      }
      case 'drop':
        return [this.#moment(step, changed(drop(this.#stock, step.which, this.#now)))]
      case 'sweep':
        return [this.#moment(step, changed(sweep(this.#stock, step.retireAfterSeconds, this.#now)))]
      case 'hit':
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
    const isKnown = (name: string) => this.#known.has(name)
    const offered = offer(this.#stock, this.#published, pkg, isKnown, limits, this.#now)
    const { published, outcome } = offered
    this.#published = published
    if (outcome === 'stored' || outcome === 'replaced' || outcome === 'stale')
      this.#known.add(pkg.id).add(pkg.ref)
    return { ...changed(offered), offered: { pkg, outcome } }
  }

  #claim(request: Claim, policy: ClaimPolicy): Pick<Moment, 'after' | 'removed' | 'claimed'> {
    const [requesterKey, addressKey] = [`requester ${request.requester}`, `address ${request.address}`]
    const before = {
      requester: this.#windows.get(requesterKey) ?? [],
      address: this.#windows.get(addressKey) ?? [],
    }
    const answer = claim(this.#stock, before, request, policy, this.#now)
    const { windows, choice } = answer
    this.#windows.set(requesterKey, windows.requester).set(addressKey, windows.address)
    const claimed = { request, policy, choice, windows: before }
    if (choice.outcome === 'delivered') this.#undoable.push(claimed)
    return { ...changed(answer), claimed }
  }
}

function changed({
  stock,
  removed,
}: {
  stock: Stock
  removed: readonly Removed[]
}): Pick<Moment, 'after' | 'removed'> {
  return { after: stock, removed }
}

/** The packages that an author still has, expired ones left out. */
export function valid(stock: Stock, now: number): Stock['packages'] {
  return expire(stock, now).packages
}
