/** The rows of the suite as tests: a relay that cannot hold one names it and says why, and there it has to fail. */

import { beforeAll, it } from '@jest/globals'

/** Why a relay answers otherwise, by the name of the row's test. */
export type Differences = Readonly<Record<string, string>>

export type Rows = typeof it

/** `it`; the rows with a difference have to fail, so that no name stays on the list that could be off it. */
export class RowsBut {
  readonly it: Rows
  readonly #differences: Differences
  readonly #unmet: Set<string>

  constructor(differences: Differences) {
    this.#differences = differences
    this.#unmet = new Set(Object.keys(differences))
    const row = (name: string, test: () => Promise<void>) =>
      (this.#isHeld(name) ? it : it.failing)(name, test)
    const each = (table: readonly unknown[]) => (title: string, test: () => Promise<void>) => {
      const held = table.filter((entry) => this.#isHeld(nameOf(title, entry)))
      const differing = table.filter((entry) => !held.includes(entry))
      if (held.length > 0) it.each(held)(title, test)
      if (differing.length > 0) it.failing.each(differing)(title, test)
    }
    this.it = Object.assign(row, it, { each }) as Rows
  }

  /** To be called once every row is described: a difference must be one from a row that there is. */
  conclude(): void {
    if (this.#unmet.size > 0) throw new Error(`no row is called ${[...this.#unmet].join(', nor ')}`)
    const list = Object.entries(this.#differences).map(([name, why]) => `\n  ${name}\n    ${why}`)
    if (list.length > 0) beforeAll(() => console.warn(`Rows that do not hold here:${list.join('')}`))
  }

  #isHeld(name: string): boolean {
    this.#unmet.delete(name)
    return this.#differences[name] === undefined
  }
}

/** As `it.each` would name it, as far as this suite needs it: `%s` once, or `$row`. */
function nameOf(title: string, entry: unknown): string {
  const [first] = [entry].flat()
  return title.replace('%s', String(first)).replace('$row', String(Object(entry).row))
}
