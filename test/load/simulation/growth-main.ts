/** Prints what a day of made-up authors adds to a store: `npm run simulate:growth`. */

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { heapUsed } from '../../support/heap-used.ts'
import { type Attack, GrowthSimulation } from './growth.ts'

/** A store, and how many bytes it takes. */
interface Weighed {
  readonly store: KeyPackageStore
  weigh(): number
  end(): void
}

const HOURS = 24
const LATER_DAYS = 8
const attacks: readonly Attack[] = [1, 100].flatMap((addresses): Attack[] => [
  { what: 'key packages', addresses, hours: HOURS },
  { what: 'relay lists', addresses, hours: HOURS },
  { what: 'deletions', addresses, hours: HOURS },
  // The most that one deletion can name. From 100 addresses it would be a hundred times as much.
  ...(addresses === 1 ? [{ what: 'deletions', addresses, hours: HOURS, ids: 1000 } as const] : []),
])

function memory(): Weighed {
  return { store: memoryStore(), weigh: heapUsed, end: () => {} }
}

function lmdb(): Weighed {
  const path = mkdtempSync(join(tmpdir(), 'growth-'))
  const weigh = () => statSync(join(path, 'data.mdb')).size
  return { store: lmdbStore({ path }), weigh, end: () => rmSync(path, { recursive: true }) }
}

function row(...cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

row(
  'store',
  'addresses',
  'published in 24 hours',
  'authors',
  'refused',
  'store',
  'an author',
  'authors 8 days later',
)
row(...Array.from({ length: 8 }, () => '---'))
for (const open of [memory, lmdb]) {
  for (const attack of attacks) {
    const { store, weigh, end } = open()
    const before = weigh()
    const simulation = new GrowthSimulation(store)
    const { authors, refused } = await simulation.attack(attack)
    const grown = weigh() - before
    await simulation.wait(LATER_DAYS)
    row(
      open.name,
      String(attack.addresses),
      attack.ids === undefined ? attack.what : `${attack.what} of ${attack.ids} ids`,
      authors.toLocaleString('en'),
      refused.toLocaleString('en'),
      `${(grown / 1e6).toFixed(1)} MB`,
      `${(grown / authors / 1000).toFixed(1)} kB`,
      (await simulation.count()).toLocaleString('en'),
    )
    simulation.close()
    await store.close()
    end()
  }
}
