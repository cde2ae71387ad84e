/** Who got which one-time package, over a long history, and what of that breaks I1 or loses a package. */

import type { EventId } from '../../plugin/nostr/messages.ts'
import type { ClaimOutcome } from '../../plugin/store.ts'

type Delivered = Extract<ClaimOutcome, { outcome: 'delivered' }>

/** How a package was delivered: to be spent, or as the author's shared one. */
export type Manner = 'alone' | 'shared'

/** The packages of an outcome; the shared one comes last (`ClaimOutcome`). */
export function mannersOf({ packages, sharedUsed }: Delivered): [id: EventId, manner: Manner][] {
  return packages.map(({ id }, index) => [
    id,
    sharedUsed && index === packages.length - 1 ? 'shared' : 'alone',
  ])
}

interface Receipt {
  readonly requester: string
  readonly manner: Manner
}

export class Receipts {
  /** Of every package that was stored: what it is called in a counterexample. */
  readonly #names = new Map<EventId, string>()
  readonly #receipts = new Map<EventId, Receipt[]>()
  readonly #removed = new Set<EventId>()

  stored(id: EventId, name: string): void {
    this.#names.set(id, name)
  }

  delivered(id: EventId, requester: string, manner: Manner): void {
    const all = this.#receipts.get(id) ?? []
    this.#receipts.set(id, [...all, { requester, manner }])
  }

  /** It left the stock other than by a claim. */
  removed(id: EventId): void {
    this.#removed.add(id)
  }

  /** How many packages somebody got to have alone, and how many receipts there are of shared ones. */
  get counts(): Record<Manner, number> {
    const all = [...this.#receipts.values()]
    return {
      alone: all.filter(([first]) => first?.manner === 'alone').length,
      shared: all.flat().filter(({ manner }) => manner === 'shared').length,
    }
  }

  /** What is wrong, given the ids that are in the stock at the end: a sentence a package. */
  faults(stock: ReadonlySet<EventId>): string[] {
    return [...this.#names].flatMap(([id, name]) => {
      const fault = this.#faultOf(id, stock.has(id))
      return fault === undefined ? [] : [`package ${name} (${id}) ${fault}`]
    })
  }

  #faultOf(id: EventId, isInStock: boolean): string | undefined {
    const receipts = this.#receipts.get(id) ?? []
    const requesters = [...new Set(receipts.map(({ requester }) => requester))]
    const alone = receipts.find(({ manner }) => manner === 'alone')
    if (alone !== undefined && requesters.length > 1)
      return `went to ${requesters.join(', ')}, and was not shared`
    if (alone !== undefined && isInStock) return `went to ${alone.requester}, and is in the stock still`
    const isGone = !isInStock && !this.#removed.has(id)
    return isGone && alone === undefined ? `left the stock, and nobody got it to have alone` : undefined
  }
}
