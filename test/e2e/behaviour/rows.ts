/** The rows of the suite as tests: a relay that cannot hold one names it and says why, and there it has to fail. */

import { beforeAll, describe, it } from '@jest/globals'

/** Why a relay answers otherwise, by the name of the row's test. */
export type Differences = Readonly<Record<string, string>>

export type Rows = typeof it

/**
 * Describes rows with the `it` they are given. One with a difference has to fail, so that no name stays on the list that
 * could be off it; what is on the list has to be the name of a row, and is said aloud.
 */
export function describeRows(name: string, differences: Differences, describeAll: (it: Rows) => void): void {
  const unmet = new Set(Object.keys(differences))
  const isHeld = (row: string) => {
    unmet.delete(row)
    return differences[row] === undefined
  }
  const row = (title: string, test: () => Promise<void>) => (isHeld(title) ? it : it.failing)(title, test)
  const each = (table: readonly unknown[]) => (title: string, test: () => Promise<void>) => {
    const held = table.filter((entry) => isHeld(nameOf(title, entry)))
    const differing = table.filter((entry) => !held.includes(entry))
    if (held.length > 0) it.each(held)(title, test)
    if (differing.length > 0) it.failing.each(differing)(title, test)
  }
  describe(name, () => {
    describeAll(Object.assign(row, it, { each }) as Rows)
    if (unmet.size > 0) throw new Error(`no row is called ${[...unmet].join(', nor ')}`)
    const list = Object.entries(differences).map(([title, why]) => `\n  ${title}\n    ${why}`)
    if (list.length > 0) beforeAll(() => console.warn(`Rows that do not hold for ${name}:${list.join('')}`))
  })
}

/** As `it.each` would name it, as far as this suite needs it: `%s` once, or `$row`. */
function nameOf(title: string, entry: unknown): string {
  const [first] = [entry].flat()
  return title.replace('%s', String(first)).replace('$row', String(Object(entry).row))
}
