/**
 * The rows of the suite as tests. A relay that answers a row differently names it with the reason; it must fail there.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, it } from '@jest/globals'

/** Why a relay answers differently, by the name of the row's test. */
export type Differences = Readonly<Record<string, string>>

export type Rows = typeof it

/**
 * Describes rows with the `it` they are given. A row with a difference must fail, so that the list names no row that would
 * pass. Each difference must be the name of a row, and is printed.
 */
export function describeRows(name: string, differences: Differences, describeAll: (it: Rows) => void): void {
  const unmatched = new Set(Object.keys(differences))
  const isExpected = (row: string) => {
    unmatched.delete(row)
    return differences[row] === undefined
  }
  const row = (title: string, test: () => Promise<void>) =>
    isExpected(title) ? it(title, test) : it.failing(title, () => withinPatience(test))
  const each =
    (table: readonly unknown[]) => (title: string, test: (...entry: unknown[]) => Promise<void>) => {
      const expected = table.filter((entry) => isExpected(nameOf(title, entry)))
      const differing = table.filter((entry) => !expected.includes(entry))
      if (expected.length > 0) it.each(expected)(title, test)
      if (differing.length > 0)
        it.failing.each(differing)(title, (...entry: unknown[]) => withinPatience(() => test(...entry)))
    }
  describe(name, () => {
    describeAll(Object.assign(row, it, { each }) as Rows)
    if (unmatched.size > 0) throw new Error(`no row is called ${[...unmatched].join(', nor ')}`)
    const list = Object.entries(differences).map(([title, why]) => `\n  ${title}\n    ${why}`)
    if (list.length > 0) beforeAll(() => console.warn(`Rows that do not hold for ${name}:${list.join('')}`))
  })
}

/** How long a row that differs may take to fail: many fail because nothing ever comes. A row that holds takes 50 ms. */
const PATIENCE_MS = 1_000

async function withinPatience(test: () => Promise<void>): Promise<void> {
  const ended = new AbortController()
  const over = pause(PATIENCE_MS, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`nothing within ${PATIENCE_MS} ms`)
  })
  over.catch(() => undefined)
  try {
    await Promise.race([test(), over])
  } finally {
    ended.abort()
  }
}

/** The title as `it.each` formats it, with `%s` once or `$row`. */
function nameOf(title: string, entry: unknown): string {
  const [first] = [entry].flat()
  return title.replace('%s', String(first)).replace('$row', String(Object(entry).row))
}
