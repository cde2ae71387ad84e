/** A history, and as far as an order of it gets, in lines that people read. */

import { type Model, NOTHING, named, type Result, type State } from './model.ts'
import type { Operation } from './operation.ts'
import type { Step, Verdict } from './search.ts'

type Illegal = Extract<Verdict, { outcome: 'illegal' }>

/** All that clients saw of the author, then the longest legal prefix, then what cannot follow it. */
export function timelineOf(
  operations: readonly Operation[],
  { prefix, stuck }: Illegal,
  model: Model,
): string {
  const began = Math.min(...operations.map(({ invokedAt }) => invokedAt))
  const seen = [...operations]
    .sort((a, b) => a.invokedAt - b.invokedAt)
    .map((operation) => `  ${spanOf(operation, began)}  ${sentenceOf(operation)}`)
  const ordered = prefix.map((step, index) => `  ${String(index + 1).padStart(3)}. ${wordsOf(step)}`)
  const last = prefix.at(-1)?.after ?? NOTHING
  return [
    'what clients saw, by when they began (ms from the first, to the answer):',
    ...seen,
    'the longest order that the rules allow:',
    ...ordered,
    `then the stock is ${stockOf(last)}, and the rules allow none of these:`,
    ...stuck.map(
      (operation) => `  ${sentenceOf(operation)}; by the rules: ${answersOf(last, operation, model)}`,
    ),
  ].join('\n')
}

function spanOf({ invokedAt, answeredAt }: Operation, began: number): string {
  const end = answeredAt === Number.POSITIVE_INFINITY ? '' : (answeredAt - began).toFixed(1)
  return `${(invokedAt - began).toFixed(1).padStart(8)} - ${end.padEnd(8)}`
}

function wordsOf(step: Step): string {
  return 'operation' in step ? sentenceOf(step.operation) : 'the gateway releases what nobody received'
}

function sentenceOf(operation: Operation): string {
  const { by } = operation
  switch (operation.do) {
    case 'publish': {
      const { pkg, answer } = operation
      const what = pkg.slot === undefined ? 'package' : `slot ${pkg.slot.slice(0, 4)},`
      return `${by} publishes ${what} ${named([pkg.id])}: ${answer === 'unknown' ? answer : answer.join(' or ')}`
    }
    case 'claim': {
      const { narrowings, maxSlots } = operation.claim
      const limit = maxSlots === undefined ? '' : ` (limit ${maxSlots})`
      return `${by} claims ${narrowings.flatMap(({ kinds }) => kinds)}${limit}: ${claimWords(operation.answer)}`
    }
    case 'delete': {
      const { ids = [], slots = [], everything } = operation.deletion
      const what = everything
        ? `everything until ${operation.deletion.createdUntil}`
        : named([...ids, ...slots] as never)
      return `${by} deletes ${what}: ${operation.answer}`
    }
    case 'count':
      return `${by} counts ${operation.kinds}: ${operation.answer}`
    case 'list':
      return `${by} lists: ${named(operation.answer)}`
  }
}

function claimWords(answer: Extract<Operation, { do: 'claim' }>['answer']): string {
  if (answer === 'unknown') return answer
  return answer.outcome === 'delivered' ? named(answer.ids) : answer.because.join(' or ')
}

function answersOf(state: State, operation: Operation, model: Model): string {
  const results = operation.seconds.map((second): Result => model.at(state, operation, second))
  return [...new Set(results.map(({ answer }) => answer))].join(' or ')
}

function stockOf({ record }: State): string {
  const packages = record?.packages ?? []
  if (packages.length === 0) return 'empty'
  return packages
    .map(
      ({ id, slot, exposure }) =>
        `${named([id])}${slot === undefined ? '' : ' (slot)'}${exposure ? ' (shared)' : ''}`,
    )
    .join(', ')
}
