/** Counts the lines of an import by what became of them, and lists the first ones that were refused. */

import { formatTable } from '../terminal.ts'
import type { ImportedLine, ImportOutcome } from './store-line.ts'

type Counted = Exclude<ImportOutcome, 'empty'> | 'invalid'

/** How many refused lines are listed. */
const MAX_LISTED = 20

const meanings: Readonly<Record<Counted, string>> = {
  stored: 'key packages added to the stock',
  replaced: 'key packages added, each replacing an older one in its slot',
  duplicate: 'already in the store',
  spent: 'already used, so not added again',
  stale: 'older than what is in the store',
  deleted: 'deleted by their authors, so not added',
  expired: 'valid when published, but expired now',
  relayList: 'relay lists added',
  remembered: 'records of used or deleted key packages, now recorded here',
  access: 'who is banned or allowed',
  information: 'what the relay says about itself',
  ignored: 'events of other kinds',
  full: 'refused: the author already has stock.max key packages',
  invalid: 'refused',
}

export class ImportReport {
  readonly #counts = new Map<Counted, number>()
  readonly #refused: { readonly line: number; readonly reason: string }[] = []

  /** @param line its number; lines are added in order */
  add(line: number, result: ImportedLine): void {
    if (result.outcome === 'empty') return
    this.#counts.set(result.outcome, (this.#counts.get(result.outcome) ?? 0) + 1)
    if (result.outcome !== 'invalid' || !('reason' in result)) return
    if (this.#refused.length < MAX_LISTED) this.#refused.push({ line, reason: result.reason })
  }

  get hasRefusals(): boolean {
    return this.#counts.has('invalid') || this.#counts.has('full')
  }

  toJSON(): object {
    return { ...Object.fromEntries(this.#counts), refused: this.#refused }
  }

  toString(): string {
    const outcomes = Object.entries(meanings) as [Counted, string][]
    const rows = outcomes.flatMap(([outcome, meaning]) => {
      const count = this.#counts.get(outcome)
      return count === undefined ? [] : [[outcome, String(count), meaning]]
    })
    const more = (this.#counts.get('invalid') ?? 0) - this.#refused.length
    return formatTable([
      ...(rows.length === 0 ? [['nothing to import']] : rows),
      ...this.#refused.map(({ line, reason }) => [`line ${line}: ${reason}`]),
      ...(more > 0 ? [[`and ${more} more`]] : []),
    ])
  }
}
