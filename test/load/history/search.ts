/**
 * Looks for an order in which the rules allow what clients saw of one author: linearizability, depth first, remembering where it
 * has been (Wing and Gong; Lowe). An operation without an answer may come anywhere after its beginning, or not at all.
 */

import { createHash } from 'node:crypto'
import { type Model, NOTHING, type State } from './model.ts'
import { isUnknown, type Operation } from './operation.ts'
import { atOneSecond, keysFor } from './simpler.ts'

/** An operation in its place, or a claim that was released because nobody received it. */
export type Step =
  | { readonly operation: Operation; readonly after: State }
  | { readonly released: true; readonly after: State }

/**
 * - `illegal`: there is no order; `prefix` is as far as one of them gets, and `stuck` what the rules do not allow next.
 * - `undecided`: the search was given up.
 */
export type Verdict =
  | { readonly outcome: 'legal'; readonly order: readonly Step[] }
  | { readonly outcome: 'illegal'; readonly prefix: readonly Step[]; readonly stuck: readonly Operation[] }
  | { readonly outcome: 'undecided' }

/** As many states as a search may visit: some seconds of it. */
const MOST_STATES = 200_000

/**
 * Searches anew before it gives up, and tries the operations in another order: a search that goes wrong early can visit everything
 * that follows from it before it comes back.
 */
export function findOrder(operations: readonly Operation[], model: Model, mostStates = MOST_STATES): Verdict {
  for (const rankOf of RANKINGS) {
    const verdict = new Search(operations, model, mostStates, rankOf).run()
    if (verdict.outcome !== 'undecided') return verdict
  }
  return { outcome: 'undecided' }
}

/** What is ranked lowest is tried first. */
type RankOf = (operation: Operation) => number

const RANKINGS: readonly RankOf[] = [
  // What may not have happened at all comes last.
  ({ answeredAt }) => answeredAt,
  ({ invokedAt }) => invokedAt,
  ({ invokedAt }) => -invokedAt,
]

class TooMany extends Error {}

/** What is left to be placed: as a bit for each operation, and as operations. */
interface Left {
  readonly bits: bigint
  readonly operations: readonly Placed[]
}

interface Placed {
  readonly operation: Operation
  readonly bit: bigint
}

class Search {
  readonly #all: readonly Placed[]
  readonly #model: Model
  readonly #keyOf: (state: State) => string
  readonly #mostStates: number
  readonly #visited = new Set<string>()
  readonly #path: Step[] = []
  #furthest: { readonly open: number; readonly prefix: readonly Step[]; readonly left: readonly Placed[] } = {
    open: Number.POSITIVE_INFINITY,
    prefix: [],
    left: [],
  }

  constructor(operations: readonly Operation[], model: Model, mostStates: number, rankOf: RankOf) {
    this.#model = model
    this.#mostStates = mostStates
    this.#keyOf = keysFor(operations, model.terms)
    this.#all = [...atOneSecond(operations, model.terms)]
      .sort((a, b) => rankOf(a) - rankOf(b) || a.invokedAt - b.invokedAt)
      .map((operation, index) => ({ operation, bit: 1n << BigInt(index) }))
  }

  run(): Verdict {
    const bits = this.#all.reduce((sum, { bit }) => sum | bit, 0n)
    try {
      if (this.#visit({ bits, operations: this.#all }, NOTHING))
        return { outcome: 'legal', order: [...this.#path] }
    } catch (error) {
      if (error instanceof TooMany) return { outcome: 'undecided' }
      throw error
    }
    const { prefix, left } = this.#furthest
    const stuck = nextOf(left).map(({ operation }) => operation)
    return { outcome: 'illegal', prefix, stuck: stuck.filter((operation) => !isUnknown(operation)) }
  }

  /** Whether the operations that are left have an order from here on. */
  #visit(left: Left, state: State): boolean {
    const open = left.operations.filter(({ operation }) => !isUnknown(operation)).length
    if (open === 0) return true
    const key = this.#keyOf(state)
    if (!this.#isNew(left, key)) return false
    if (open < this.#furthest.open) this.#furthest = { open, prefix: [...this.#path], left: left.operations }
    const next = nextOf(left.operations)
    const ways = next.flatMap((placed) =>
      this.#model
        .after(state, placed.operation)
        .map((after) => ({ placed, after, isChange: this.#keyOf(after) !== key })),
    )
    // An answer that changes nothing may as well be given now: whatever order there is, there is one with it here.
    const idle = ways.find(({ placed, isChange }) => !isChange && !isUnknown(placed.operation))
    if (idle !== undefined) return this.#place(left, idle)
    // One that may not have happened, and changes nothing, has not happened.
    if (ways.some((way) => way.isChange && this.#place(left, way))) return true
    return this.#model.afterReleases(state).some((after) => this.#goOn({ released: true, after }, left))
  }

  #place({ bits, operations }: Left, { placed, after }: { placed: Placed; after: State }): boolean {
    const left = { bits: bits & ~placed.bit, operations: operations.filter((other) => other !== placed) }
    return this.#goOn({ operation: placed.operation, after }, left)
  }

  #goOn(step: Step, left: Left): boolean {
    this.#path.push(step)
    if (this.#visit(left, step.after)) return true
    this.#path.pop()
    return false
  }

  #isNew({ bits }: Left, state: string): boolean {
    const key = createHash('sha1').update(`${bits} ${state}`).digest('base64')
    if (this.#visited.has(key)) return false
    if (this.#visited.size >= this.#mostStates) throw new TooMany()
    this.#visited.add(key)
    return true
  }
}

/** Those that may come next: all that began before one of the others was answered. */
function nextOf(left: readonly Placed[]): Placed[] {
  const answers = left.map(({ operation }) => operation.answeredAt)
  const firstAnswer = Math.min(...answers)
  return left.filter(({ operation }) => operation.invokedAt <= firstAnswer)
}
