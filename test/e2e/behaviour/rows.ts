/** The rows of the suite as tests: a relay that cannot hold one names it and says why, and there it has to fail. */

import { it } from '@jest/globals'

/** Why a relay answers otherwise, by the name of the row's test. */
export type Differences = Readonly<Record<string, string>>

export type Rows = typeof it

/** `it`; the rows with a difference have to fail, so that no name stays on the list that could be off it. */
export function rowsBut(differences: Differences): Rows {
  const isHeld = (name: string) => differences[name] === undefined
  const row = (name: string, test: () => Promise<void>) => (isHeld(name) ? it : it.failing)(name, test)
  const each = (table: readonly unknown[]) => (title: string, test: () => Promise<void>) => {
    const held = table.filter((entry) => isHeld(nameOf(title, entry)))
    const differing = table.filter((entry) => !held.includes(entry))
    if (held.length > 0) it.each(held)(title, test)
    if (differing.length > 0) it.failing.each(differing)(title, test)
  }
  return Object.assign(row, it, { each }) as Rows
}

/** As `it.each` would name it, as far as this suite needs it: `%s` once, or `$row`. */
function nameOf(title: string, entry: unknown): string {
  const [first] = [entry].flat()
  return title.replace('%s', String(first)).replace('$row', String(Object(entry).row))
}
