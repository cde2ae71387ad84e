/** What became of the lines of an import: counted by outcome, and the first that were refused by number. */

import { Refusal } from '../../plugin/nostr/refusal.ts'
import type { ImportOutcome } from './importing.ts'
import { tableOf } from './table.ts'

/** How many refused lines are told one by one. */
const TOLD = 20

const meanings: Readonly<Record<ImportOutcome | 'invalid', string>> = {
  stored: 'key packages that are in the stock now',
  replaced: 'so are these, each in place of an older one in its slot',
  duplicate: 'in the store already',
  spent: 'used already; they never come back',
  stale: 'the store has, or had deleted, a newer one',
  expired: 'good once, but no longer',
  relayList: 'relay lists (kind 10051)',
  remembered: 'spent or deleted elsewhere, which is remembered now',
  ignored: 'events of other kinds',
  full: 'refused: their author has as many as stock.max allows',
  invalid: 'refused',
}

/** What became of a line. */
export type LineResult = ImportOutcome | Refusal | 'empty'

export class ImportReport {
  readonly #counts = new Map<keyof typeof meanings, number>()
  readonly #refused: { readonly line: number; readonly reason: string }[] = []

  /** @param line its number; lines come in their order */
  add(line: number, result: LineResult): void {
    if (result instanceof Refusal) this.#refuse(line, result)
    else if (result !== 'empty') this.#count(result)
  }

  get hasRefusals(): boolean {
    return this.#counts.has('invalid') || this.#counts.has('full')
  }

  /** Counts by outcome, and the first lines that were refused. */
  toJSON(): object {
    return { ...Object.fromEntries(this.#counts), refused: this.#refused }
  }

  toString(): string {
    const outcomes = Object.entries(meanings) as [keyof typeof meanings, string][]
    const rows = outcomes.flatMap(([outcome, meaning]) => {
      const count = this.#counts.get(outcome)
      return count === undefined ? [] : [[outcome, String(count), meaning]]
    })
    const more = (this.#counts.get('invalid') ?? 0) - this.#refused.length
    return tableOf([
      ...(rows.length === 0 ? [['nothing to import']] : rows),
      ...this.#refused.map(({ line, reason }) => [`line ${line}: ${reason}`]),
      ...(more > 0 ? [[`and ${more} more`]] : []),
    ])
  }

  #refuse(line: number, { reason }: Refusal): void {
    this.#count('invalid')
    if (this.#refused.length < TOLD) this.#refused.push({ line, reason })
  }

  #count(outcome: keyof typeof meanings): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1)
  }
}
