/** `stats`: counts of what a store holds, as a table or as JSON. Never the content of a key package (I4). */

import type { Command } from 'commander'
import type { LowAuthor } from '../../../plugin/lifecycle/stock-survey.ts'
import { isFresh, isOneTime, sizeOf } from '../../../plugin/stock/selection.ts'
import type { MovableStore, StockedPackage } from '../../../plugin/store.ts'
import { inBatches } from '../../../plugin/store-records.ts'
import { LOW_SETTINGS, STORE_SETTINGS, secondsNow, withStore } from '../open-store.ts'
import { print } from '../output.ts'
import { addSettings, readSettings } from '../settings.ts'
import type { Settings } from '../settings-schema.ts'
import { formatTable, formatTime } from '../terminal.ts'
import { gatewayOn } from './author-argument.ts'
import { authorLine } from './list.ts'

/** How many authors are read at once. */
const BATCH = 100
/** Of the authors with the fewest packages; `list --low` names all. */
const MAX_LOWEST = 20

interface Stats {
  /** Authors who have a package. */
  authors: number
  packages: number
  /** Packages that were delivered as the shared one of their author. */
  exposed: number
  /** Packages of kind 30443. */
  slots: number
  /** Authors who have packages, but fewer than `stock.low`. */
  low: number
  /** Authors whose packages are all spent or expired. */
  dry: number
  relayLists: number
  /** When the next package expires, in seconds since the epoch; null where there is none. */
  soonestExpiry: number | null
}

export function defineStats(command: Command): Command {
  command
    .option('--low', 'also name the authors with the fewest key packages')
    .option('--json', 'print one JSON object')
  addSettings(command, [...STORE_SETTINGS, ...LOW_SETTINGS])
  return command.action(async ({ json, low }: { json?: true; low?: true }) => {
    const settings = readSettings(command, process.env)
    await withStore(settings, async (store) => {
      const stats = await statsOf(store, settings.stock.low, secondsNow())
      const lowest = low && (await lowestIn(store, settings))
      print(
        json
          ? JSON.stringify({ ...stats, ...(lowest && { lowest }) })
          : format(stats, settings.stock.low, lowest),
      )
    })
  })
}

async function lowestIn(store: MovableStore, settings: Settings): Promise<readonly LowAuthor[]> {
  const gateway = gatewayOn(store, settings)
  try {
    return (await gateway.surveyStock({ lowest: MAX_LOWEST })).lowest
  } finally {
    gateway.close()
  }
}

function format(stats: Stats, low: number, lowest: readonly LowAuthor[] = []): string {
  const { soonestExpiry } = stats
  const table = formatTable([
    ['authors with packages', String(stats.authors)],
    [`  with fewer than ${low} fresh ones`, String(stats.low)],
    ['authors with none left', String(stats.dry)],
    ['packages', String(stats.packages)],
    ['  exposed (delivered, and kept)', String(stats.exposed)],
    ['  in slots (kind 30443)', String(stats.slots)],
    ['relay lists', String(stats.relayLists)],
    ['next expiry', soonestExpiry === null ? 'never' : formatTime(soonestExpiry)],
  ])
  return [table, ...(lowest.length > 0 ? [''] : []), ...lowest.map(authorLine)].join('\n')
}

async function statsOf(store: MovableStore, low: number, now: number): Promise<Stats> {
  const stats: Stats = {
    authors: 0,
    packages: 0,
    exposed: 0,
    slots: 0,
    low: 0,
    dry: 0,
    relayLists: 0,
    soonestExpiry: null,
  }
  for await (const authors of inBatches(store.authors(), BATCH)) {
    const stocks = await Promise.all(authors.map((author) => store.list(author, now)))
    for (const packages of stocks) add(stats, packages, low)
  }
  for await (const { event } of store.relayLists()) stats.relayLists += Number(event !== undefined)
  return stats
}

function add(stats: Stats, packages: readonly StockedPackage[], low: number): void {
  const size = sizeOf(packages)
  if (size === 0) {
    stats.dry += 1
    return
  }
  stats.authors += 1
  stats.packages += size
  stats.exposed += packages.filter(({ exposure }) => exposure !== undefined).length
  stats.slots += packages.filter(({ slot }) => slot !== undefined).length
  // Slots are never used up.
  stats.low += Number(packages.some(isOneTime) && packages.filter(isFresh).length < low)
  const expiries = packages.map(({ expiresAt }) => expiresAt)
  stats.soonestExpiry = Math.min(stats.soonestExpiry ?? Number.POSITIVE_INFINITY, ...expiries)
}
