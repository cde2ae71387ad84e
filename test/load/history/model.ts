/** What the stock engine itself says of an operation: the states of an author that it may lead to. */

import { isDeepStrictEqual } from 'node:util'
import type { EventId } from '../../../plugin/nostr/messages.ts'
import {
  type AuthorRecord,
  claimPackages,
  dropPackages,
  listPackages,
  putPackage,
  releasePackages,
} from '../../../plugin/stock/record.ts'
import type {
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  StockedPackage,
  StockLimits,
} from '../../../plugin/store.ts'
import { type Claiming, isUnknown, type Operation } from './operation.ts'

/** A package without its event. */
type Kept = AuthorRecord<StockedPackage>

/** What was claimed for a client that may not have received it. */
interface Unreceived {
  readonly ids: readonly EventId[]
  readonly release: Claiming['release']
  readonly counted: Omit<CountedClaim, 'policy'>
}

export interface State {
  readonly record: Kept | undefined
  readonly unreceived: readonly Unreceived[]
}

export const NOTHING: State = { record: undefined, unreceived: [] }

/** The limits of the servers. */
export interface Terms {
  readonly policy: ClaimPolicy
  readonly limits: StockLimits
  /** In less time than this, nothing that the rules count in seconds is over. */
  readonly shortestSeconds: number
}

/** The result of an operation at one second: what the rules answer, and the state after it. */
export interface Result {
  readonly answer: string
  readonly isAsSeen: boolean
  readonly state: State
}

export class Model {
  /** Of the servers. */
  readonly terms: Terms

  constructor(terms: Terms) {
    this.terms = terms
  }

  /** The states after the operation, one for each second at which the rules answer what the client saw. */
  after(state: State, operation: Operation): State[] {
    const results = operation.seconds.map((second) => this.at(state, operation, second))
    return results.flatMap((result) => (result.isAsSeen ? [result.state] : []))
  }

  /**
   * The states after one of the claims that nobody received was released. A store that could not answer in time also gives back what
   * quotas counted.
   */
  afterReleases(state: State): State[] {
    const { policy } = this.terms
    return state.unreceived.flatMap(({ ids, counted }, index) => {
      const unreceived = state.unreceived.toSpliced(index, 1)
      return [undefined, { ...counted, policy }].map((givenBack) => {
        return { record: releasePackages(state.record, ids, counted.at, givenBack).record, unreceived }
      })
    })
  }

  at(state: State, operation: Operation, second: number): Result {
    switch (operation.do) {
      case 'publish': {
        const { pkg, sentBy, answer } = operation
        const { record, outcome } = putPackage(state.record, pkg, this.#limits(sentBy), second)
        const isAsSeen = answer === 'unknown' || answer.includes(outcome)
        return { answer: outcome, isAsSeen, state: { ...state, record } }
      }
      case 'claim':
        return this.#claim(state, operation, second)
      case 'delete': {
        const { record, outcome } = dropPackages(state.record, operation.deletion, second)
        const isAsSeen = isUnknown(operation) || outcome.outcome === operation.answer
        return { answer: outcome.outcome, isAsSeen, state: { ...state, record } }
      }
      case 'count': {
        const count = this.#listed(state, second).filter(({ kind }) => operation.kinds.includes(kind)).length
        return { answer: String(count), isAsSeen: count === operation.answer, state }
      }
      case 'list': {
        const ids = this.#listed(state, second).map(({ id }) => id)
        const isOwed = state.unreceived.some(({ release }) => release === 'owed')
        const isAsSeen = !isOwed && isSame(ids, operation.answer)
        return { answer: isOwed ? 'something is not released yet' : named(ids), isAsSeen, state }
      }
    }
  }

  #claim(state: State, { claim, answer, release }: Claiming, at: number): Result {
    const { record, outcome } = claimPackages(state.record, claim, this.terms.policy, at)
    const after = { ...state, record }
    if (answer !== 'unknown')
      return { answer: wordsOf(outcome), isAsSeen: isAnsweredBy(answer, outcome), state: after }
    // What leaves the record as it is, as slots do, needs no release.
    if (outcome.outcome !== 'delivered' || record === state.record)
      return { answer: wordsOf(outcome), isAsSeen: true, state: after }
    const ids = outcome.packages.map(({ id }) => id)
    const { requester, address, network } = claim
    const { freshTaken } = outcome
    const counted = { requester, address, ...(network !== undefined && { network }), freshTaken, at }
    const unreceived = [...state.unreceived, { ids, release, counted }]
    return { answer: wordsOf(outcome), isAsSeen: true, state: { record, unreceived } }
  }

  #limits(sentBy: 'author' | 'others'): StockLimits {
    const { publish, ...others } = this.terms.limits
    if (sentBy === 'others') return others
    return { ...others, ...(publish && { publish }), counts: 'stale too' }
  }

  #listed({ record }: State, second: number): readonly StockedPackage[] {
    return listPackages(record, second)
  }
}

function isAnsweredBy(
  answer: Exclude<Claiming['answer'], 'unknown'>,
  outcome: ClaimOutcome<StockedPackage>,
): boolean {
  if (answer.outcome === 'empty') return answer.because.some((reason) => reason === outcome.outcome)
  return (
    outcome.outcome === 'delivered' &&
    isSame(
      outcome.packages.map(({ id }) => id),
      answer.ids,
    )
  )
}

function isSame(ids: readonly EventId[], others: readonly EventId[]): boolean {
  return isDeepStrictEqual([...ids].sort(), [...others].sort())
}

function wordsOf(outcome: ClaimOutcome<StockedPackage>): string {
  return outcome.outcome === 'delivered' ? named(outcome.packages.map(({ id }) => id)) : outcome.outcome
}

/** Ids as a timeline shows them. */
export function named(ids: readonly EventId[]): string {
  return ids.length === 0 ? 'nothing' : ids.map((id) => id.slice(0, 6)).join(' ')
}
